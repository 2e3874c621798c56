-- Where a flag's rollouts stood after each change: what a rollback puts them back to. A version that an older server wrote has
-- none.
create table flag_version_rollouts (
  project text not null,
  flag text not null,
  version integer not null,
  rollouts jsonb not null,
  primary key (project, flag, version)
);
-- What became of the flags with a rollback that was to put them back: packages/api/src/flags-back.ts, FlagsPutBack.
create table rollback_flags (
  deployment_id text primary key,
  since timestamptz not null,
  outcome jsonb not null,
  at timestamptz not null default now()
);
