-- What sources tell of commits, pull requests, deployments and incidents. Never changed: every figure can be made again from it.
create table insight_fact (
  project text not null,
  source text not null,
  id text not null,
  kind text not null check (kind in ('commit', 'pull_request', 'deployment', 'incident', 'correction')),
  key text not null,
  at_ms double precision not null,
  rank integer not null,
  fields jsonb not null,
  recorded_at timestamptz not null default now(),
  primary key (project, source, id)
);
create index insight_fact_thing on insight_fact (project, kind, key);
create index insight_fact_recorded on insight_fact (project, recorded_at);

-- The facts of each thing, folded (core/shared/registers).
create table insight_thing (
  project text not null,
  kind text not null,
  key text not null,
  registers jsonb not null default '{}',
  primary key (project, kind, key)
);
create index insight_thing_commits on insight_thing using gin ((registers -> 'commits' -> 'value') jsonb_path_ops)
  where kind in ('deployment', 'pull_request');
create index insight_thing_links on insight_thing using gin ((registers -> 'links' -> 'value') jsonb_path_ops) where kind = 'incident';
create index insight_thing_merge on insight_thing (project, (registers -> 'mergeCommit' ->> 'value')) where kind = 'pull_request';
create index insight_thing_remedies on insight_thing (project, (registers -> 'remedies' ->> 'value')) where kind = 'deployment';
create index insight_thing_corrected on insight_thing (project, (registers -> 'deployment' ->> 'value')) where kind = 'correction';

-- Things whose records have to be made anew.
create table insight_dirty (
  project text not null,
  kind text not null check (kind in ('deployment', 'incident')),
  key text not null,
  primary key (project, kind, key)
);

-- Records that figures are counted from (core/insights/records). One that changes ends and another begins: figures "as known
-- on" a date are counted from those that held then.
create table insight_deployment (
  project text not null,
  key text not null,
  known_from timestamptz not null default now(),
  known_to timestamptz not null default 'infinity',
  service text not null,
  environment text not null,
  is_production boolean not null,
  at_ms double precision not null,
  is_failure boolean not null,
  is_rework boolean not null,
  record jsonb not null,
  primary key (project, key, known_from)
);
create unique index insight_deployment_now on insight_deployment (project, key) where known_to = 'infinity';
-- Which places are production: asked with each figure.
create index insight_deployment_production on insight_deployment (project, service, environment) where is_production;
create index insight_deployment_at on insight_deployment (project, at_ms, key);

create table insight_lead (
  project text not null,
  deployment text not null,
  change text not null,
  known_from timestamptz not null default now(),
  known_to timestamptz not null default 'infinity',
  service text not null,
  environment text not null,
  is_production boolean not null,
  at_ms double precision not null,
  record jsonb not null,
  primary key (project, deployment, change, known_from)
);
create unique index insight_lead_now on insight_lead (project, deployment, change) where known_to = 'infinity';
create index insight_lead_at on insight_lead (project, at_ms);

create table insight_incident (
  project text not null,
  key text not null,
  known_from timestamptz not null default now(),
  known_to timestamptz not null default 'infinity',
  service text,
  environment text,
  at_ms double precision not null,
  deployment text,
  record jsonb not null,
  primary key (project, key, known_from)
);
create unique index insight_incident_now on insight_incident (project, key) where known_to = 'infinity';
create index insight_incident_at on insight_incident (project, at_ms, key);
create index insight_incident_of on insight_incident (project, deployment) where known_to = 'infinity';

-- What contradicts itself, of the thing whose record it was found at.
create table insight_conflict (
  id bigint generated always as identity primary key,
  project text not null,
  owner_kind text not null,
  owner_key text not null,
  kind text not null,
  subject text not null,
  other text,
  words text not null,
  found_at timestamptz not null default now()
);
create index insight_conflict_owner on insight_conflict (project, owner_kind, owner_key);

-- How far the ledger was followed for what was deployed here.
create table insight_cursor (
  only_row boolean primary key default true check (only_row),
  -- From the beginning: what was deployed before counts too.
  after_sequence bigint not null default -1
);
insert into insight_cursor default values;

-- What the keys need of one day (UTC) of one service in one environment, added up (core/insights/tally). Incidents of no known
-- service or environment are of the place ''.
create table insight_cell (
  project text not null,
  service text not null,
  environment text not null,
  day integer not null,
  tally jsonb not null default '{}',
  primary key (project, service, environment, day)
);
create index insight_cell_day on insight_cell (project, day);

-- What was made of a commit, and what is served: joined whichever is told of first.
create index insight_fact_artifact on insight_fact (project, (fields ->> 'artifact')) where fields ? 'artifact';
