-- A release may run in several environments, each with its own configuration: promoted from one to the next it is the same
-- artifact, and never the same process.
alter table release_process add column environment text generated always as (spec ->> 'environment') stored;
create unique index release_process_run on release_process (release_id, environment);
