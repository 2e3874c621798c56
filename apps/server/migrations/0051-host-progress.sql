-- What a release's host said of how far it is, with the time; the last lines only.
alter table hosted_release add column said jsonb not null default '[]';
