-- After a rollback, what machines ask for waits until a person lets it go on: the next merge must not bring the harm back.
create table deployment_pause (
  project text not null,
  service text not null,
  environment text not null,
  since timestamptz not null default now(),
  paused_by jsonb not null,
  reason text not null,
  -- The release that was served before.
  release_id text references release (id),
  primary key (project, service, environment),
  foreign key (project, service, environment) references environment (project, service, name)
);
-- Why a deployment goes back: {"fromReleaseId", "automatic", "skipsAnalysis"}. Null for one that goes forward.
alter table deployment add column rollback jsonb;
-- Asked for by a machine: a merge, or a pipeline's token.
alter table deployment add column by_machine boolean not null default false;
create index deployment_served on deployment (project, service, environment, finished_at) where status = 'succeeded';
