-- From now on a release runs in several environments at once.
alter table release_process drop constraint release_process_pkey;
alter table release_process alter column environment set not null;
alter table release_process add primary key using index release_process_run;
