-- The servers on this database. One that has not been seen for a while is gone, whatever its row says.
create table server (
  id text primary key,
  version text not null,
  -- The newest migration that it knows: what it works with is not taken away while it lives.
  newest_migration text not null,
  machine text not null,
  -- The folder with artifacts and keys, by the name that lies in it: all servers must see the same.
  shared_folder text not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);

-- Where a release's process runs; null for one that an earlier version started, which was always here.
alter table release_process add column machine text;
alter table release_process add column address text not null default '127.0.0.1';
