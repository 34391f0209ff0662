--! Previous: sha1:d7baf144e580a593322eeb8cc9562ae9c67ba24d
--! Hash: sha1:7dcf38cccd623780d92e3a4844cf4f94f6441414
--! Message: people speak for themselves

-- Locks: access exclusive on audit_logs and tenant_members, for the catalog alone: no new column is stored in old rows.
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

alter table app_public.tenant_members
  add column if not exists left_at timestamptz,
  add column if not exists name_at_leaving text,
  add column if not exists username_at_leaving text;
comment on column app_public.tenant_members.left_at is 'When they left or were removed; null for whoever did not.';
comment on column app_public.tenant_members.name_at_leaving is
  'What they were called when they left; null for whoever did not, and after erasure.';
comment on column app_public.tenant_members.username_at_leaving is
  'Their user name when they left; null for whoever did not, and after erasure.';
