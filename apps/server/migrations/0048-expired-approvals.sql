-- An approval that nobody decided within its gate's time limit.
alter table approval drop constraint approval_state_check,
  add constraint approval_state_check check (state in ('waiting', 'approved', 'rejected', 'withdrawn', 'expired'));
