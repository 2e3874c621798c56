-- Tokens of workflows that were exchanged, until they end by themselves: each is good once. A hash, as it need only be known again.
create table workflow_token_used (
  sha256 bytea primary key,
  expires_at timestamptz not null
);
create index workflow_token_used_ends on workflow_token_used (expires_at);
