-- How many rows (exposures and events) a browser's key told by day, and in its last minute; `allowed` is what was taken of the last
-- post. What came on top was dropped, and is counted here.
create table flag_key_use (
  key_id text not null,
  day date not null,
  minute timestamptz not null,
  in_minute integer not null,
  allowed integer not null,
  taken bigint not null,
  dropped bigint not null,
  primary key (key_id, day)
);
