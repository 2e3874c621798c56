-- A schema that was there before Latchkey: which files are taken as applied without being run, by whom and why.
-- `taking`, `undoing`: written before the workload's database is, so that whoever comes after a crash finishes it.
create table workload_baseline (
  project text not null,
  service text not null,
  environment text not null,
  state text not null,
  -- [{"file", "phase", "sha256"}], by name.
  files jsonb not null,
  -- [{"file", "line", "object", "words"}]: what was accepted.
  differences jsonb not null,
  asked_by jsonb not null,
  reason text not null,
  taken_at timestamptz not null default now(),
  primary key (project, service, environment),
  foreign key (project, service, environment) references environment (project, service, name)
);
