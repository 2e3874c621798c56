-- Since when a target is asked for its generation, and what is known of the deploys at its provider.
alter table target_route add column asked_at timestamptz not null default now(),
  add column deploys jsonb not null default '[]';

-- Sites of Netlify that Latchkey publishes: written before a lock is set, so that it is put back as it was when a service leaves.
create table netlify_site (
  site_id text not null primary key,
  project text not null,
  service text not null,
  environment text not null,
  was_locked boolean not null,
  since timestamptz not null default now()
);

-- What edge functions have counted: cumulative, made of batches each of which counts once.
create table netlify_count (
  project text not null,
  service text not null,
  environment text not null,
  generation_epoch integer not null,
  generation_n integer not null,
  arm text not null,
  release_id text not null,
  route_class text not null,
  requests bigint not null,
  errors bigint not null,
  unit_errors bigint not null,
  latency jsonb not null,
  updated_at timestamptz not null default now(),
  primary key (project, service, environment, generation_epoch, generation_n, release_id, route_class)
);
create table netlify_batch (
  edge text not null,
  sequence integer not null,
  received_at timestamptz not null default now(),
  primary key (edge, sequence)
);
create index netlify_batch_received on netlify_batch (received_at);

-- Webhooks of Netlify that were taken in, by the digest of signature and body: one that comes twice wakes nobody.
create table netlify_delivery (
  digest text not null primary key,
  received_at timestamptz not null default now()
);
create index netlify_delivery_received on netlify_delivery (received_at);
