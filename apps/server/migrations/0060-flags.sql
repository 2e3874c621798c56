-- Feature flags. The definition belongs to who writes it (console, code, Terraform); switches and rollouts are kept apart
-- from it, so that applying a definition again turns nothing back on.
create table flag (
  project text not null,
  key text not null,
  -- packages/api/src/flags.ts, FlagDefinition.
  definition jsonb not null,
  manager text not null check (manager in ('console', 'code', 'terraform')),
  -- Counts every change, of the definition, a switch or a rollout: what a writer gives back as ifVersion.
  version integer not null,
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project, key)
);
-- The switch of a flag in an environment. No row: as the definition says.
create table flag_switch (
  project text not null,
  flag text not null,
  environment text not null,
  is_enabled boolean not null,
  primary key (project, flag, environment),
  foreign key (project, flag) references flag (project, key) on delete cascade
);
-- How far the rollout of a rule has come. No row: where the definition begins.
create table flag_rollout (
  project text not null,
  flag text not null,
  environment text not null,
  rule text not null,
  percent numeric(6, 3) not null check (percent between 0 and 100),
  state text not null check (state in ('running', 'held', 'killed', 'done')),
  words text not null,
  since timestamptz not null default now(),
  primary key (project, flag, environment, rule),
  foreign key (project, flag) references flag (project, key) on delete cascade
);
-- How a flag was after each change: what it can be put back to.
create table flag_version (
  project text not null,
  flag text not null,
  version integer not null,
  verb text not null,
  definition jsonb not null,
  changes jsonb not null,
  by jsonb not null,
  reason text not null,
  at timestamptz not null default now(),
  primary key (project, flag, version),
  foreign key (project, flag) references flag (project, key) on delete cascade
);
create table flag_segment (
  project text not null,
  key text not null,
  description text not null,
  condition jsonb not null,
  version integer not null,
  updated_at timestamptz not null default now(),
  primary key (project, key)
);
-- One row for each project that has flags: counts all changes. What clients hold is compared with it.
create table flag_generation (
  project text primary key,
  n bigint not null
);
-- Keys of applications. A server's is a secret, kept as its hash; a browser's is public and shown.
create table flag_client_key (
  id text primary key,
  project text not null,
  name text not null,
  environment text not null,
  kind text not null check (kind in ('server', 'browser')),
  key_hash bytea not null unique,
  shown text,
  created_by jsonb not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index flag_client_key_project on flag_client_key (project, created_at);
