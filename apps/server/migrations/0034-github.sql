-- What GitHub delivered, by its own id: a delivery that comes twice is one. The body may name people: it goes when it was taken in.
create table github_delivery (
  id text primary key,
  event text not null,
  body bytea,
  received_at timestamptz not null default now(),
  taken_at timestamptz,
  repository text,
  -- Why it could not be read.
  problem text
);
create index github_delivery_waiting on github_delivery (received_at, id) where taken_at is null;
create index github_delivery_received on github_delivery (received_at);

-- What is known of each thing on GitHub: a register for each field, with the source's time (core/delivery/github/fold).
create table github_state (
  repository text not null,
  kind text not null,
  key text not null,
  fields jsonb not null,
  folded_at timestamptz not null default now(),
  primary key (repository, kind, key)
);
create index github_state_check on github_state (repository, (fields -> 'commit' ->> 'value')) where kind = 'check_run';
create index github_state_review on github_state (repository, (fields -> 'pull' ->> 'value')) where kind = 'review';
create index github_state_folded on github_state (folded_at);

-- The branch that a service is deployed from: `wanted` grows when there may be something new, `fetched` follows it.
create table github_branch (
  project text not null,
  service text not null,
  repository text not null,
  branch text not null,
  wanted bigint not null default 1,
  fetched bigint not null default 0,
  -- The newest commit that was looked at; null before the first fetch, which deploys nothing.
  seen_sha text,
  fetched_at timestamptz,
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  problem text,
  created_at timestamptz not null default now(),
  primary key (project, service),
  foreign key (project, service) references service (project, name)
);
create index github_branch_repository on github_branch (repository, branch);

-- A change of a service: a commit with its pull request. The key is pr-<number>, or the commit of what came without one.
create table change (
  project text not null,
  service text not null,
  key text not null,
  pull_request integer,
  commit_sha text,
  title text not null default '',
  author text not null default '',
  state text not null check (state in ('open', 'merged', 'closed')),
  head_sha text,
  opened_at timestamptz,
  merged_at timestamptz,
  committed_at timestamptz,
  -- When production first served all visitors from it, and by which deployment.
  deployed_at timestamptz,
  deployment_id text references deployment (id),
  updated_at timestamptz not null default now(),
  primary key (project, service, key),
  foreign key (project, service) references service (project, name)
);
create index change_newest on change (project, service, (coalesce(merged_at, committed_at, opened_at)) desc);
create index change_by_commit on change (project, service, commit_sha);

-- What GitHub should show of a deployment, and what it was last told. It never blocks a deployment.
create table github_report (
  deployment_id text not null references deployment (id),
  kind text not null check (kind in ('check', 'deployment', 'status', 'comment')),
  repository text not null,
  desired jsonb not null,
  digest text not null,
  sent_digest text,
  remote_id bigint,
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  problem text,
  primary key (deployment_id, kind)
);
create index github_report_waiting on github_report (next_at) where sent_digest is distinct from digest;

-- What was asked of GitHub's API last: its ETag, and when it may be asked again.
create table github_poll (
  repository text not null,
  what text not null,
  etag text,
  next_at timestamptz not null default now(),
  polled_at timestamptz,
  problem text,
  primary key (repository, what)
);
