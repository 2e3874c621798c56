-- Entries are numbered in the order they were written in, not in that of their ids: servers' clocks differ.
alter table ledger_outbox add column position bigint generated always as identity;
create index ledger_outbox_in_order on ledger_outbox (position);

-- A restore raises the epoch and may count n anew: counts of two epochs are never one row.
alter table arm_counter add column generation_epoch integer not null default 1;
alter table arm_counter drop constraint arm_counter_pkey;
alter table arm_counter add primary key (gateway, boot, service, environment, generation_epoch, generation_n, release_id, route_class);
drop index arm_counter_by_service;
create index arm_counter_by_service on arm_counter (service, environment, generation_epoch, generation_n);
update rollout set shares = coalesce(
  (select jsonb_object_agg(generation_epoch || '.' || s.key, s.value) from jsonb_each(shares) s), '{}'),
  taken = coalesce((select jsonb_object_agg(regexp_replace(t.key, '/([0-9]+/[^/]+/[^/]+)$', '/' || generation_epoch || '/\1'), t.value)
    from jsonb_each(taken) t), '{}');

-- A rollout's own time: what it was watched for.
alter table rollout add column time_at_ms double precision not null default 0;
alter table rollout add column time_seen_ms double precision not null default 0;
update rollout set time_at_ms = floor(extract(epoch from now()) * 1000), time_seen_ms = floor(extract(epoch from now()) * 1000);
