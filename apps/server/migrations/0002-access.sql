-- Who may come in. Secrets are kept only as SHA-256; they have 256 random bits, so no salt or stretching is needed.
create table access_token (
  id text primary key,
  project text not null,
  name text not null,
  role text not null check (role in ('owner', 'viewer', 'gateway')),
  kind text not null check (kind in ('person', 'token', 'gateway', 'session', 'sign_in')),
  secret_hash bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index access_token_listed on access_token (project, id) where kind = 'token';

create table idempotent_answer (
  actor text not null,
  route text not null,
  key text not null,
  body_sha256 text not null,
  status integer,
  answer text,
  created_at timestamptz not null default now(),
  primary key (actor, route, key)
);
