-- A deployment of what is served already ends as `unchanged`: nothing was to do, nothing failed.
alter table deployment drop constraint deployment_status_check;
alter table deployment add constraint deployment_status_check check (status in ('building','gating','queued','starting',
  'rolling_out','holdback','succeeded','rolled_back','failed_build','failed_gate','failed_start','aborted','superseded','unchanged'));
