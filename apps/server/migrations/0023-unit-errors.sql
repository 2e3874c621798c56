-- Errors that count once per visitor, and those in one of two halves of the visitors. Null from gateways of before.
alter table arm_counter add column unit_errors bigint;
alter table arm_counter add column unit_page_errors bigint;
alter table arm_counter add column half_errors bigint;
alter table arm_counter add column half_unit_errors bigint;

-- What each release answered per minute, assets apart, by the database's clock.
create table arm_minute (
  service text not null,
  environment text not null,
  release_id text not null,
  minute timestamptz not null,
  -- A row for each gateway: none waits for another's report.
  gateway text not null,
  requests bigint not null,
  errors bigint not null,
  unit_errors bigint not null,
  page_views bigint not null,
  page_errors bigint not null,
  half_errors bigint,
  half_unit_errors bigint,
  primary key (service, environment, release_id, minute, gateway)
);
create index arm_minute_by_age on arm_minute (minute);
