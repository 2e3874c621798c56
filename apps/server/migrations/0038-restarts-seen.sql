-- Restarts of each release's process that looks have taken in: a server that dies in between must not lose one.
alter table rollout add column restarts_seen jsonb not null default '{}'::jsonb;
