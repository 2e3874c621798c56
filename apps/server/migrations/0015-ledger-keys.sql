-- The keys that checkpoints are signed with, the newest last: a server with another key refuses to start.
create table ledger_key (
  n integer primary key check (n >= 0),
  -- Ed25519, base64.
  public_key text not null,
  -- Checkpoints of this size and above are signed with it, up to the next key's.
  from_size bigint not null,
  bound_at timestamptz not null default now()
);
create trigger ledger_key_frozen before update or delete or truncate on ledger_key for each statement execute function ledger_refuse();

-- People that the records speak of. What is personal is stored encrypted with the person's key; erasing a person
-- destroys the key. Names stand here encrypted, too, and are found by a keyed hash.
create table data_subject (
  id text primary key,
  -- HMAC-SHA-256 of the name under the key-encryption key.
  name_hash bytea unique,
  -- The name, as it is written everywhere else.
  sealed_name text,
  -- The person's key, encrypted with the key-encryption key.
  wrapped_key bytea,
  created_at timestamptz not null default now(),
  erased_at timestamptz,
  check ((erased_at is null) = (wrapped_key is not null)),
  check (erased_at is null or (name_hash is null and sealed_name is null))
);

-- Which key-encryption key this database's persons' keys are encrypted with: an identifier that tells nothing of it.
create table subject_key_encryption (
  only_row boolean primary key default true check (only_row),
  key_id text not null
);
