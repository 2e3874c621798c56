-- Releases that are no processes beside a server: what their host was asked for, and where they answer.
create table hosted_release (
  release_id text not null,
  environment text not null,
  kind text not null,
  -- What `prepare` was given last, for whoever asks again after a crash.
  spec jsonb not null,
  -- Written before the host is asked.
  state text not null check (state in ('preparing', 'running', 'retiring')),
  upstreams jsonb not null default '[]',
  -- What the host says of it, for people.
  words text,
  since timestamptz not null default now(),
  primary key (release_id, environment)
);
