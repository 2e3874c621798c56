-- Since when a target has not done what it is asked, without a pause; and the same of an outage that somebody was told of, until its
-- end is told too.
alter table target_route add column failing_since timestamptz, add column told_failing_at timestamptz;
