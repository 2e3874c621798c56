-- What targets that route by themselves were asked for, and have acknowledged.
create table target_route (
  project text not null,
  service text not null,
  environment text not null,
  kind text not null,
  -- Written before the target is spoken to: whoever asks for an older one is refused here already.
  asked_epoch integer not null default 0,
  asked_n integer not null default 0,
  served_epoch integer,
  served_n integer,
  served_arms jsonb not null default '[]',
  served_at timestamptz,
  error text,
  error_at timestamptz,
  notes jsonb not null default '[]',
  primary key (project, service, environment),
  foreign key (project, service, environment) references environment (project, service, name)
);
