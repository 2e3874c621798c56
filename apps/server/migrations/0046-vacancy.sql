-- How long nobody had a lease before the present owner took it: what was to be watched under it was not.
alter table lease add column vacant_ms double precision not null default 0;
