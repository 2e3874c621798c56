-- A sample of the users who asked for flags in the last week: what a change of a flag is tried on before it is saved.
-- Contexts come without anybody's identity (packages/core/src/flags/seen.ts).
create table flag_seen_user (
  project text not null,
  environment text not null,
  day date not null,
  hash bigint not null,
  context jsonb not null,
  primary key (project, environment, day, hash)
);
