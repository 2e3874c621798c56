-- A change of a segment waits for a second person too: a proposal is of a flag or of a segment.
alter table flag_proposal
  alter column flag drop not null,
  add column segment text,
  -- Of a segment: the flags that would get another answer, as whoever agrees reads them.
  add column flags_changed jsonb not null default '[]',
  add constraint flag_proposal_subject check ((flag is null) <> (segment is null));
