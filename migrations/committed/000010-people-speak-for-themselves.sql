--! Previous: sha1:d7baf144e580a593322eeb8cc9562ae9c67ba24d
--! Hash: sha1:8f14d50b4d1505179e6aaa0bab38bacd93da8c14
--! Message: people speak for themselves

-- Locks: access exclusive on audit_logs, for the catalog alone: the new column is virtual.
-- Rows touched: none.
-- Safe while the old code runs: yes.

alter table app_public.audit_logs
  add column if not exists is_reported boolean generated always as (occurred_at is not null) virtual;
comment on column app_public.audit_logs.is_reported is
  'Whether a daemon said so, with the key of apiKeyId; false for what the platform saw itself.';
comment on column app_public.audit_logs.user_id is
  'Who did it, in an entry that is reported according to the daemon; null when a system did.';

create table if not exists app_private.wrapping_keys (
  id         uuid        not null default uuidv7(),
  key        bytea       not null default extensions.gen_random_bytes(64),
  created_at timestamptz not null default now(),
  constraint wrapping_keys_pkey primary key (id),
  constraint wrapping_keys_key_check check (length(key) = 64)
);
comment on table app_private.wrapping_keys is
  'What key rings are wrapped with on their way through the settings of a request. Of no use without a ring, as a ring is of none without it; the newest row wraps, and older ones still unwrap.';
comment on column app_private.wrapping_keys.key is 'Random bytes, half to authenticate, half to encrypt.';
-- Before row security, which would hold its owner off too.
insert into app_private.wrapping_keys default values;
alter table app_private.wrapping_keys enable row level security, force row level security;
