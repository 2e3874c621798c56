-- The migrations that each release knows, in order: [{"file", "phase", "sha256"}]. A release without a row knows none.
create table release_migrations (
  release_id text primary key references release (id),
  files jsonb not null
);
-- Their texts, each once: a contract runs long after the release was built.
create table migration_text (
  sha256 text primary key,
  content text not null
);
-- What is known of each file in the database of an environment. `running`: it may have changed the schema already.
create table workload_migration (
  project text not null,
  service text not null,
  environment text not null,
  file text not null,
  phase text not null check (phase in ('expand', 'contract')),
  sha256 text not null,
  state text not null check (state in ('running', 'applied', 'failed')),
  words text not null default '',
  release_id text references release (id),
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  duration_ms integer,
  primary key (project, service, environment, file),
  foreign key (project, service, environment) references environment (project, service, name)
);
-- A person's word that a contract need not wait for the end of the rollback window.
create table workload_contract_wish (
  project text not null,
  service text not null,
  environment text not null,
  file text not null,
  asked_by jsonb not null,
  reason text not null,
  asked_at timestamptz not null default now(),
  primary key (project, service, environment, file),
  foreign key (project, service, environment) references environment (project, service, name)
);
