-- An approval that nobody decided within its gate's time limit.
alter table approval drop constraint approval_state_check,
  add constraint approval_state_check check (state in ('waiting', 'approved', 'rejected', 'withdrawn', 'expired'));

-- What was applied when, so that a rollback can tell what differs since, and put it back.
create table service_configuration (
  id bigint generated always as identity primary key,
  project text not null,
  service text not null,
  config jsonb not null,
  applied_at timestamptz not null default now()
);
create index service_configuration_newest on service_configuration (project, service, id desc);
insert into service_configuration (project, service, config, applied_at)
  select project, name, config, updated_at from service;
