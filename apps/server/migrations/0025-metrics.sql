-- Metrics that a service brings: how many of the answers that the routing table asks for a gateway has counted, by the
-- metric's name; null where the table asked for none.
alter table arm_counter add column events jsonb;
-- The values of other sources' counters that a rollout's looks have taken in, by metric, release and series.
alter table rollout add column metric_anchors jsonb not null default '{}'::jsonb;
