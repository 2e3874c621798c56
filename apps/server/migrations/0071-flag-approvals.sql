-- Environments whose flags change only when a second person agrees, and what waits for that.
create table flag_environment (
  project text not null,
  environment text not null,
  needs_approval boolean not null,
  primary key (project, environment)
);
create table flag_proposal (
  id text primary key,
  project text not null,
  flag text not null,
  -- packages/api/src/flag-proposals.ts, FlagChange.
  change jsonb not null,
  -- What it changes, as it was read when it was proposed: when it would change something else it is not applied.
  differences jsonb not null,
  proposed_by jsonb not null,
  -- The person behind a token or a session; null where nobody knows.
  proposer text,
  reason text not null,
  state text not null check (state in ('waiting', 'applied', 'rejected', 'withdrawn')),
  decided_by jsonb,
  decision_reason text,
  created_at timestamptz not null default now(),
  decided_at timestamptz
);
create index flag_proposal_waiting on flag_proposal (project, created_at, id) where state = 'waiting';
create index flag_proposal_list on flag_proposal (project, created_at desc, id desc);
-- Who agreed to a change that somebody else had proposed.
alter table flag_version add column approved_by jsonb;
