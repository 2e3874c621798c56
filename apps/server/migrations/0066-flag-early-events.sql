-- What happened to users of an arm before it was told that they met the flag: reports come in any order. Kept for minutes.
create table flag_early_event (
  id bigint generated always as identity primary key,
  project text not null,
  environment text not null,
  key_hash bytea not null,
  metric text not null,
  is_bad boolean,
  value double precision,
  at timestamptz not null,
  arrived_at timestamptz not null default now()
);
create index flag_early_event_key on flag_early_event (key_hash);
create index flag_early_event_arrived on flag_early_event (arrived_at);
