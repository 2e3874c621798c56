-- An environment of a pull request's own. A row names the runs that should be there: every other run of a preview is ended.
create table preview (
  id text primary key,
  project text not null,
  service text not null,
  -- Also the environment's name: pr-<number>.
  name text not null,
  pull_request integer not null,
  branch text not null,
  state text not null check (state in ('waiting', 'building', 'ready', 'failed', 'ended')),
  words text not null default '',
  wanted_commit text not null,
  -- What is being built and started; its id is a run's.
  run_id text,
  run_commit text,
  run_digest text,
  -- The commit that was tried last: one that failed is not tried again.
  tried_commit text,
  serving_id text,
  serving_commit text,
  serving_digest text,
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  -- Written before a database is made, and taken back after it was dropped.
  has_database boolean not null default false,
  epoch integer not null default 0,
  generation integer not null default 0,
  created_at timestamptz not null default now(),
  ends_at timestamptz not null,
  unique (project, service, name),
  foreign key (project, service) references service (project, name)
);
-- What GitHub was told of it last: the comment's id, and a digest of its text.
alter table preview add column comment_id bigint, add column comment_digest text;
-- A preview's run has no release: it is in no history, and in nobody's figures.
alter table release_process drop constraint release_process_release_id_fkey;
