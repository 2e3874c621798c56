-- What a release's host said of how far it is, with the time; the last lines only.
alter table hosted_release add column said jsonb not null default '[]';

-- Since when a gateway is known to be away, as it was told; null while it is heard of.
alter table gateway add column lost_at timestamptz;
