-- What was decided of each deployment that a policy may let go alone, with all that it was decided from.
create table zero_touch_decision (
  deployment_id text not null references deployment (id),
  gate text not null,
  alone boolean not null,
  version text not null,
  policy jsonb not null,
  evidence jsonb not null,
  reasons jsonb not null,
  decided_at timestamptz not null default now(),
  primary key (deployment_id, gate)
);
