-- What a service's gateways answered in an environment, by the hour (UTC), assets apart: what a canary is planned with.
create table traffic_hour (
  service text not null,
  environment text not null,
  hour timestamptz not null,
  requests bigint not null,
  errors bigint not null,
  latency jsonb not null,
  primary key (service, environment, hour)
);
create index traffic_hour_by_age on traffic_hour (hour);
-- How much of each counter is in the hours already. Both grow in one transaction, so that nothing is missed or added twice.
create table traffic_mark (
  counter text primary key,
  taken jsonb not null,
  seen_at timestamptz not null
);
create index traffic_mark_by_age on traffic_mark (seen_at);
-- Up to when the counters are in, null before the first time: one row.
create table traffic_rolled_up (
  one boolean primary key default true check (one),
  at timestamptz
);
insert into traffic_rolled_up (at) values (null);
-- Once a minute only the counters that have moved are read.
create index arm_counter_by_age on arm_counter (updated_at);
