-- Several changes in one rollout: a deployment that went out with a newer one says which; one that splits a batch says of which
-- one, and after which half it comes. A rollout knows the changes that it carries: oldest first, its own last, none when alone.
alter table deployment add column carrier_id text references deployment (id);
alter table deployment add column splits_id text references deployment (id);
alter table deployment add column after_id text references deployment (id);
alter table deployment add column carries jsonb not null default '[]'::jsonb;
alter table rollout add column carries jsonb not null default '[]'::jsonb;
create index deployment_by_splits on deployment (splits_id) where splits_id is not null;
