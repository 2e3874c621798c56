-- An audited commit writes to the outbox: one index is enough there. Entries leave it by their place.
alter table ledger_outbox drop constraint ledger_outbox_pkey;
drop index ledger_outbox_in_order;
alter table ledger_outbox add primary key (position);

-- Of the tree's nodes only those of level 4 and above are written from now on, an eighth of a row for each entry instead of
-- two: what is below is made of the 16 entries' own hashes. Rows of lower levels that are there are read no more.
comment on table ledger_node is 'whole subtrees of the Merkle tree, of 16 entries and more';
