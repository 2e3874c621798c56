create table lead (
  id text primary key,
  created_at timestamptz not null default now(),
  status text not null default 'new' check (status in ('new','contacted','qualified','nurturing','converted','disqualified','lost')),
  name text not null,
  email text not null,
  phone text not null,
  address text not null,
  city text not null,
  state text not null,
  zip text not null,
  property_type text not null,
  value_cents bigint,
  source text not null,
  message text not null,
  duplicate_of text references lead (id),
  idempotency_key text unique
);
create index lead_newest on lead (id desc);
create index lead_same on lead (lower(email), lower(address));
create table lead_note (
  id text primary key,
  lead_id text not null references lead (id),
  created_at timestamptz not null default now(),
  author text not null,
  body text not null
);
create index lead_note_of on lead_note (lead_id, id);
