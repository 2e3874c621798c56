-- Metrics that a service brings: what a gateway counted of the answers that the routing table asks for, by the metric's name.
alter table arm_counter add column events jsonb not null default '{}'::jsonb;
-- The values of other sources' counters that a rollout's looks have taken in, by metric, release and series.
alter table rollout add column metric_anchors jsonb not null default '{}'::jsonb;
