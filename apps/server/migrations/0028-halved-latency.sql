-- Of broken pages and of answers, those in one of two halves of the visitors. Null from gateways of before.
alter table arm_counter add column half_page_errors bigint;
alter table arm_counter add column half_unit_page_errors bigint;
alter table arm_counter add column half_latency jsonb;

alter table arm_minute add column unit_page_errors bigint;
alter table arm_minute add column half_page_errors bigint;
alter table arm_minute add column half_unit_page_errors bigint;

-- The last quarter of an hour of each release in slices as long as a look, assets apart: how much one differs from another.
-- A ring: a slice takes the place of the one a quarter of an hour before, so that the table stays as small as it is.
create table arm_slice (
  service text not null,
  environment text not null,
  release_id text not null,
  -- A row for each gateway: none waits for another's report.
  gateway text not null,
  place smallint not null,
  -- The number of the slice since 1970, by the database's clock.
  slice bigint not null,
  latency jsonb not null,
  -- Null where a gateway of before counted.
  half_latency jsonb,
  primary key (service, environment, release_id, gateway, place)
);
create index arm_slice_by_age on arm_slice (slice);
