-- An audited commit writes to the outbox: one index is enough there. Entries leave it by their place.
alter table ledger_outbox drop constraint ledger_outbox_pkey;
drop index ledger_outbox_in_order;
alter table ledger_outbox add primary key (position);

-- The lowest level of nodes that is still written: older servers' proofs read all of them.
alter table ledger_tree add column lowest_level integer not null default 0;
