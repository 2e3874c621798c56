-- What was done under an Idempotency-Key, noted in the same transaction: a server that died before it answered
-- does not do it again.
alter table idempotent_answer add column reference text;
drop index access_token_listed;
create index access_token_listed on access_token (project, id) where kind in ('token', 'gateway');
-- Work that one server at a time may do. The fence grows with each change of owner.
create table lease (
  name text primary key,
  owner text not null,
  fence bigint not null default 1,
  expires_at timestamptz not null
);
alter table rollout add column generation_epoch integer not null default 1;
