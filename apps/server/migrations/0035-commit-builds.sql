-- A deployment of a commit: which one, of which repository; none for one of the working tree.
alter table deployment add column source jsonb;
create index deployment_by_source_commit on deployment ((source ->> 'commit')) where source is not null;
