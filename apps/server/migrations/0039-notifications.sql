-- Who is told of what: channels, rules, and what is on its way. The ledger is the source: a cursor says how far it was read.
create table notification_channel (
  id text primary key,
  project text not null,
  name text not null,
  kind text not null check (kind in ('slack', 'webhook', 'email')),
  enabled boolean not null default true,
  -- What may be shown.
  settings jsonb not null,
  -- Addresses with a secret in them, tokens, passwords and signing keys: encrypted, and never shown again.
  secrets bytea not null,
  -- Failures in a row; with enough of them the channel rests.
  failures integer not null default 0,
  rests_until timestamptz,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  last_failure text,
  -- What was given up or dropped because a limit was reached, since the channel was made.
  dropped bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project, name)
);

create table notification_rule (
  id text primary key,
  project text not null,
  name text not null,
  enabled boolean not null default true,
  -- types, services, environments, outcomes, severity, quietHours: as the API has it.
  definition jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project, name)
);
create table notification_rule_channel (
  rule_id text not null references notification_rule (id) on delete cascade,
  channel_id text not null references notification_channel (id) on delete cascade,
  primary key (rule_id, channel_id)
);

-- One row: the number of the last entry that rules were asked about. What was before this migration is nobody's news.
create table notification_cursor (
  name text primary key,
  after_sequence bigint not null
);
insert into notification_cursor (name, after_sequence)
  select 'ledger', coalesce(max(sequence), -1) from ledger_entry;

create table notification_delivery (
  -- What the receiver knows a repetition by.
  id text primary key,
  -- The order in which it goes out.
  position bigint generated always as identity,
  project text not null,
  channel_id text not null references notification_channel (id) on delete cascade,
  rule_id text,
  -- The entry that it tells of; null for a digest.
  sequence bigint,
  type text not null,
  thread text,
  is_last boolean not null default false,
  message jsonb not null,
  state text not null check (state in ('held', 'waiting', 'delivered', 'skipped', 'digested', 'dead')),
  -- The digest that told of it.
  digest_id text,
  tries integer not null default 0,
  -- The fence under which somebody is sending it: under a later one it may be sent again at once.
  sending_fence bigint,
  next_at timestamptz not null default now(),
  first_tried_at timestamptz,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  last_failure text,
  -- An entry goes to a channel once, whoever reads the ledger how often.
  unique (channel_id, sequence)
);
create index notification_delivery_due on notification_delivery (channel_id, position) where state = 'waiting';
create index notification_delivery_held on notification_delivery (channel_id, next_at) where state = 'held';
create index notification_delivery_list on notification_delivery (project, position desc);
create index notification_delivery_digested on notification_delivery (digest_id) where digest_id is not null;
create index notification_delivery_ended on notification_delivery (ended_at) where ended_at is not null;

-- What a channel knows a rollout's message by, so that the next one updates it or stands below it.
create table notification_thread (
  channel_id text not null references notification_channel (id) on delete cascade,
  thread text not null,
  reference jsonb not null,
  is_closed boolean not null default false,
  updated_at timestamptz not null default now(),
  primary key (channel_id, thread)
);
