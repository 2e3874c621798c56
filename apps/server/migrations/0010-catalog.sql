-- Services and where they run. Definitions here, runtime state (generation, what is served) beside it.
create table service (
  project text not null,
  name text not null check (name ~ '^[a-z][a-z0-9-]{1,38}[a-z0-9]$'),
  config jsonb not null,
  config_digest text not null,
  manager text not null default 'file' check (manager in ('file', 'console', 'terraform')),
  -- Folder that `config.source` is relative to.
  root text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project, name)
);

create table environment (
  project text not null,
  service text not null,
  name text not null,
  -- Fencing: a router refuses an older (epoch, n). A restore from backup raises the epoch.
  epoch integer not null default 1 check (epoch >= 0),
  generation integer not null default 0 check (generation >= 0),
  serving_release_id text,
  serving_deployment_id text,
  primary key (project, service, name),
  foreign key (project, service) references service (project, name)
);

-- One counter for all routing changes: the generation as the gateways acknowledge it.
create table routing_generation (
  only_row boolean primary key default true check (only_row),
  epoch integer not null default 1,
  n integer not null default 0
);
insert into routing_generation default values;
