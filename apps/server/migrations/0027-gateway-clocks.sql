-- Milliseconds that a gateway's clock was ahead of the database's when its newest report came; negative when it was behind.
alter table gateway add column clock_ahead_ms double precision not null default 0;
