-- The ledger: an outbox written in the business transaction, drained into numbered entries by the sequencer.
create table ledger_outbox (
  id text primary key,
  envelope text not null,
  written_at timestamptz not null default now()
);

create table ledger_entry (
  sequence bigint primary key check (sequence >= 0),
  id text not null unique,
  type text not null,
  subject text not null,
  project text not null,
  -- The exact bytes that the leaf hash is of.
  canonical text not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32)
);
create index ledger_entry_type on ledger_entry (project, type, sequence desc);
create index ledger_entry_subject on ledger_entry (project, subject, sequence desc);

-- Whole subtrees of the Merkle tree: with them a proof reads few rows and an append adds about two.
create table ledger_node (
  level integer not null,
  index bigint not null,
  hash bytea not null check (octet_length(hash) = 32),
  primary key (level, index)
);

-- One row: the size and the hashes of the peaks, largest first. Its lock makes sequencers take turns.
create table ledger_tree (
  only_row boolean primary key default true check (only_row),
  size bigint not null default 0,
  peaks bytea[] not null default '{}'
);
insert into ledger_tree default values;

create table ledger_checkpoint (
  size bigint primary key,
  root_hash bytea not null,
  note text not null,
  signed_at timestamptz not null default now()
);

-- Entries, nodes and checkpoints are written once.
create function ledger_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only';
end $$;
create trigger ledger_entry_frozen before update or delete or truncate on ledger_entry for each statement execute function ledger_refuse();
create trigger ledger_node_frozen before update or delete or truncate on ledger_node for each statement execute function ledger_refuse();
create trigger ledger_checkpoint_frozen before update or delete or truncate on ledger_checkpoint for each statement execute function ledger_refuse();
