create table release (
  id text primary key,
  project text not null,
  service text not null,
  number integer not null check (number > 0),
  -- SHA-256 of the manifest: path, hash and size of every file.
  digest text not null,
  created_at timestamptz not null default now(),
  created_by text not null,
  commit_sha text,
  branch text,
  message text not null default '',
  author text not null default '',
  dirty boolean not null default false,
  fault text,
  size_bytes bigint not null,
  files jsonb not null,
  unique (project, service, number),
  unique (project, service, digest),
  foreign key (project, service) references service (project, name)
);

create table deployment (
  id text primary key,
  project text not null,
  service text not null,
  environment text not null,
  status text not null check (status in ('building','gating','queued','starting','rolling_out','holdback',
    'succeeded','rolled_back','failed_build','failed_gate','failed_start','aborted','superseded')),
  words text not null default '',
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  created_by jsonb not null,
  reason text not null default '',
  fault text,
  strategy text,
  if_busy text not null default 'refuse',
  release_id text references release (id),
  previous_release_id text references release (id),
  rollout_id text,
  gates jsonb not null default '[]',
  build_output text not null default '',
  changes jsonb not null default '[]',
  foreign key (project, service, environment) references environment (project, service, name)
);
create index deployment_newest on deployment (project, service, created_at desc);
create index deployment_active on deployment (status) where finished_at is null;

create table rollout (
  id text primary key,
  deployment_id text not null references deployment (id),
  project text not null,
  service text not null,
  environment text not null,
  -- The state machine (core/delivery/rollout) and the judge, as they stand; and how the machine began.
  machine jsonb not null,
  first_machine jsonb not null,
  policy jsonb not null,
  -- json, not jsonb: the order of keys is kept, so that sums come out the same to the last bit when replayed.
  judge json not null,
  report jsonb,
  decider_version text not null,
  canary_release_id text not null references release (id),
  baseline_release_id text references release (id),
  generation_n integer not null,
  -- Canary share by generation, and what looks have taken in of the gateways' counters.
  shares jsonb not null default '{}',
  taken jsonb not null default '{}',
  step_count integer not null default 0,
  evidence_sha256 text not null default '',
  started_at timestamptz not null default now(),
  finished_at timestamptz
);
-- One rollout per service and environment at a time.
create unique index rollout_one_active on rollout (project, service, environment) where finished_at is null;
create index rollout_by_service on rollout (project, service, started_at desc);

-- Everything that the state machine and the judge were given, in order: enough to replay every decision.
create table rollout_step (
  rollout_id text not null references rollout (id),
  n integer not null,
  at timestamptz not null,
  recorded text not null,
  summary jsonb,
  traffic_percent double precision not null,
  primary key (rollout_id, n)
);
create table rollout_decision (
  rollout_id text not null references rollout (id),
  n integer not null,
  at timestamptz not null,
  decision jsonb not null,
  event_id text not null,
  primary key (rollout_id, n)
);

-- Releases that should run on this target, with the process that does.
create table release_process (
  release_id text primary key references release (id),
  spec jsonb not null,
  port integer,
  pid integer,
  -- Start time of the process in clock ticks: a pid alone may be somebody else's by now.
  pid_started text,
  restarts integer not null default 0,
  retire_at timestamptz
);

create table gateway (
  id text primary key,
  boot text not null,
  applied_epoch integer not null default 0,
  applied_n integer not null default 0,
  seen_at timestamptz not null,
  report_sequence bigint not null default 0,
  resident_bytes bigint not null default 0
);
create table arm_counter (
  gateway text not null,
  boot text not null,
  service text not null,
  environment text not null,
  generation_n integer not null,
  release_id text not null,
  arm text not null,
  route_class text not null,
  requests bigint not null,
  errors bigint not null,
  latency jsonb not null,
  page_views bigint not null,
  page_errors bigint not null,
  users text not null,
  updated_at timestamptz not null default now(),
  primary key (gateway, boot, service, environment, generation_n, release_id, route_class)
);
create index arm_counter_by_service on arm_counter (service, environment, generation_n);
