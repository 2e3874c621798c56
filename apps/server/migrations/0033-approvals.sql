-- What waits for people, and what they said. One open question for each subject and kind of question.
create table approval (
  id text primary key,
  project text not null,
  -- What is approved, such as deployment/dep_…, and by which gate it was asked.
  subject text not null,
  gate text not null,
  service text not null,
  environment text not null,
  words text not null,
  needed integer not null check (needed between 1 and 10),
  roles text[] not null default '{}',
  -- Data subjects and persons who may not decide: whoever wrote the changes, and whoever asked.
  excluded text[] not null default '{}',
  asked_by jsonb not null,
  state text not null default 'waiting' check (state in ('waiting', 'approved', 'rejected', 'withdrawn')),
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  unique (subject, gate)
);
create index approval_listed on approval (project, id);
create index approval_waiting on approval (project, id) where state = 'waiting';

create table approval_voice (
  approval_id text not null references approval (id),
  person_id text not null references person (id),
  choice text not null check (choice in ('approve', 'reject')),
  via text not null check (via in ('console', 'cli', 'api', 'github')),
  reason text not null,
  at timestamptz not null default now(),
  primary key (approval_id, person_id)
);

-- Times in which nothing goes out (`freeze` is a word of SQL), set while the server runs; those of the configuration stand there.
create table change_freeze (
  id text primary key,
  project text not null,
  -- Null: of every service, of every environment.
  service text,
  environment text,
  reason text not null,
  begins_at timestamptz not null default now(),
  ends_at timestamptz not null,
  created_by jsonb not null,
  created_at timestamptz not null default now(),
  lifted_at timestamptz,
  check (ends_at > begins_at)
);
create index change_freeze_of on change_freeze (project, ends_at) where lifted_at is null;

-- Why an owner lets this one out in spite of a freeze.
alter table deployment add column freeze_override text;
