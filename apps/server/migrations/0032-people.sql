-- People who sign in, approve and are approved for. Names are sealed; what a token or a session does, its person does.
create table person (
  id text primary key,
  project text not null,
  name text not null,
  -- The data subject of the name: one person for each.
  subject_id text not null,
  role text not null check (role in ('owner', 'deployer', 'viewer')),
  raci text[] not null default '{}',
  -- The names that this person's commits carry, and the one on GitHub: sealed, too.
  commit_names text[] not null default '{}',
  github_login text,
  created_at timestamptz not null default now(),
  removed_at timestamptz
);
create unique index person_named on person (project, subject_id) where removed_at is null;
create index person_listed on person (project, id);

alter table access_token add column person_id text references person (id);
create index access_token_of on access_token (person_id) where person_id is not null;
