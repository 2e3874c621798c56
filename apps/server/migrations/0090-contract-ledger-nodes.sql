-- From now on only nodes of 16 entries and more are written, an eighth of a row for each entry instead of two: what is below
-- is made of the entries' own hashes. Rows of lower levels that are there stay, and are read no more.
update ledger_tree set lowest_level = 4;
