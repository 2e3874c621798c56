-- A preview that a person asked for has no pull request: it stays until its time is over or somebody removes it.
alter table preview alter column pull_request drop not null;
