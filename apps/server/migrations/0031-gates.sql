-- When each weakness was first reported, by the hash of what names it: its age is what a gate's policy limits.
create table finding_seen (
  project text not null,
  service text not null,
  gate text not null,
  key_hash bytea not null,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (project, service, gate, key_hash)
);
create index finding_seen_by_age on finding_seen (last_seen_at);

-- Reports that pipelines sent for a commit: the newest for each gate counts.
create table gate_evidence (
  id text primary key,
  project text not null,
  service text not null,
  commit_sha text not null,
  gate text not null,
  report text not null,
  sha256 text not null,
  url text,
  sent_by jsonb not null,
  sent_at timestamptz not null default now(),
  unique (project, service, commit_sha, gate)
);
create index gate_evidence_by_age on gate_evidence (sent_at);

-- A person lets a gate stand that did not pass, until a day.
create table gate_waiver (
  id text primary key,
  project text not null,
  service text not null,
  gate text not null,
  reason text not null,
  -- Also when nothing could be checked.
  could_not_run boolean not null default false,
  waived_by jsonb not null,
  created_at timestamptz not null default now(),
  until timestamptz not null,
  revoked_at timestamptz,
  revoked_by jsonb
);
create index gate_waiver_by_gate on gate_waiver (project, service, gate);

-- What another system was asked, and answers later with a token that works once.
create table gate_callback (
  deployment_id text not null,
  gate text not null,
  token_hash text not null,
  status text check (status in ('passed', 'failed')),
  words text not null default '',
  asked_at timestamptz not null default now(),
  answered_at timestamptz,
  primary key (deployment_id, gate)
);
