-- Roll-outs as experiments. A run is one comparison of the treated with their control: it ends when what is compared changes,
-- or when it begins again after a kill.
create table flag_run (
  id bigint generated always as identity primary key,
  project text not null,
  flag text not null,
  environment text not null,
  rule text not null,
  -- Variants, salt and attribute that are compared, and the plan: another one is another run.
  fingerprint text not null,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  foreign key (project, flag) references flag (project, key) on delete cascade
);
create unique index flag_run_current on flag_run (project, flag, environment, rule) where ended_at is null;
-- Who met the flag, of the two arms only. The user's key is kept as a keyed hash.
create table flag_exposure (
  run bigint not null references flag_run (id) on delete cascade,
  key_hash bytea not null,
  arm text not null check (arm in ('treated', 'control')),
  -- Distance of the user's bucket from the nearer end: within the share that is compared it counts.
  depth integer not null,
  at timestamptz not null,
  primary key (run, key_hash)
);
create index flag_exposure_key on flag_exposure (key_hash);
create index flag_exposure_at on flag_exposure (at);
-- What happened to them afterwards.
create table flag_outcome (
  run bigint not null references flag_run (id) on delete cascade,
  metric text not null,
  key_hash bytea not null,
  bad integer not null,
  total double precision not null,
  primary key (run, metric, key_hash)
);
-- Sums of the two, kept in the same transactions: a look reads a few rows.
create table flag_arm_count (
  run bigint not null references flag_run (id) on delete cascade,
  arm text not null,
  -- '' counts the exposures.
  metric text not null,
  users bigint not null default 0,
  hit bigint not null default 0,
  events bigint not null default 0,
  total double precision not null default 0,
  squares double precision not null default 0,
  primary key (run, arm, metric)
);
-- How the evidence grew, for pictures.
create table flag_run_point (
  run bigint not null references flag_run (id) on delete cascade,
  at timestamptz not null,
  percent numeric(6, 3) not null,
  arms jsonb not null,
  primary key (run, at)
);
-- What was served and met, by day: which flags are asked for, and with what.
create table flag_variant_day (
  project text not null,
  flag text not null,
  environment text not null,
  day date not null,
  variant text not null,
  evaluations bigint not null default 0,
  exposures bigint not null default 0,
  primary key (project, flag, environment, day, variant),
  foreign key (project, flag) references flag (project, key) on delete cascade
);
-- Who moved a rollout last: what a person holds is theirs to resume. And who was there when this step began.
alter table flag_rollout add column is_by_person boolean not null default true;
alter table flag_rollout add column treated_before bigint not null default 0;
alter table flag_rollout add column control_before bigint not null default 0;
