--! Previous: sha1:4692338cf659433ff3372440a4772eb86b0c1155
--! Hash: sha1:40e02aff541cd46f4519a957b8a24c099bb1b8fa
--! Message: erasures

-- Who was erased, and the order in which seals are published.
-- Lock: share on audit.seals while its index is built, so the sealer waits. Rows touched: none. Safe while old code runs: yes.

create table audit.erasures (
  user_id        uuid        not null,
  invitation_ids uuid[]      not null default '{}',
  erased_at      timestamptz not null default now(),
  erased_by      uuid,
  constraint erasures_pkey primary key (user_id)
);
comment on table audit.erasures is
  'People whose personal data was destroyed: the only lawful reason for personal columns of the ledger to be empty. Append-only.';
comment on column audit.erasures.user_id is 'Whose data it was; the identifier alone stays.';
comment on column audit.erasures.invitation_ids is 'Memberships that named their address before they named the person.';
comment on column audit.erasures.erased_at is 'When it was destroyed.';
comment on column audit.erasures.erased_by is 'Who asked for it; null for an operator.';
alter table audit.erasures enable row level security, force row level security;

-- squawk-ignore require-concurrent-index-creation
create index seals_created_at_idx on audit.seals (created_at, tenant_id, number); -- publishing, in order of making
