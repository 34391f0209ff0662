--! Previous: sha1:267b40e964e94eeacc1b3cdfd426d903a9e99eaf
--! Hash: sha1:9c59cb3a3baa535e3f96e3f783ac82ab0e8edd5f
--! Message: operators

-- Operators of the platform, and roles that act: leave that owners give operators to look into their tenant, new mails,
-- the comments of roles that count now.
-- Locks: share row exclusive on tenants and users while the new table refers to them; access exclusive on user_tokens and emails,
--   each for a change of the catalogue alone; emails is read once for its new check.
-- Rows touched: none.
-- Safe while the old code runs: yes. It knows nothing of the table and sends no mail of a new kind.

create table if not exists app_public.operator_grants (
  tenant_id          uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid,
  id                 uuid        not null default uuidv7(),
  granted_by_user_id uuid        default nullif(current_setting('app.user_id', true), '')::uuid,
  operator_id        uuid,
  reason             text        not null,
  expires_at         timestamptz not null,
  entered_at         timestamptz,
  revoked_at         timestamptz,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  constraint operator_grants_pkey primary key (tenant_id, id),
  constraint operator_grants_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint operator_grants_granted_by_user_id_fkey foreign key (granted_by_user_id)
    references app_public.users (id) on delete set null,
  constraint operator_grants_operator_id_fkey foreign key (operator_id) references app_public.users (id) on delete set null,
  constraint operator_grants_reason_check check (length(reason) between 1 and 500),
  constraint operator_grants_reason_plain_name_check check (
    reason !~ '[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u180e\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\t\n\r\u2028\u2029\u061c\u200e\u200f]'
    and reason ~ '[^\s\u00a0\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0]'),
  constraint operator_grants_expires_at_check check (expires_at <= created_at + interval '7 days'),
  constraint operator_grants_entered_check check (operator_id is null or entered_at is not null)
);
comment on table app_public.operator_grants is
  'Leave that an owner gave the operators of the platform to look into the tenant, for a time. One operator may take it, and sees what a viewer sees.';
comment on column app_public.operator_grants.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.operator_grants.id is 'Identifier, a version 7 UUID.';
comment on column app_public.operator_grants.granted_by_user_id is 'Owner who gave it; null when that account is gone.';
comment on column app_public.operator_grants.operator_id is 'Operator who took it; null until one does.';
comment on column app_public.operator_grants.reason is 'What the operator is to look at, 1 to 500 characters.';
comment on column app_public.operator_grants.expires_at is 'Until when it is good, at most seven days.';
comment on column app_public.operator_grants.entered_at is 'When an operator took it; null until then.';
comment on column app_public.operator_grants.revoked_at is 'When it was taken back; null while it stands.';
comment on column app_public.operator_grants.created_at is 'When it was given.';
comment on column app_public.operator_grants.updated_at is 'When the row last changed.';
alter table app_public.operator_grants enable row level security, force row level security;
-- squawk-ignore require-concurrent-index-creation
create index if not exists operator_grants_operator_id_idx on app_public.operator_grants (operator_id, tenant_id); -- admit_operator
-- squawk-ignore require-concurrent-index-creation
create index if not exists operator_grants_granted_by_user_id_idx on app_public.operator_grants (granted_by_user_id);
-- squawk-ignore require-concurrent-index-creation
create index if not exists operator_grants_updated_at_idx on app_public.operator_grants (tenant_id, updated_at);

-- What a mailed token is to change: the address counts from the moment it is proved.
alter table app_private.user_tokens add column if not exists email app_public.email;
comment on column app_private.user_tokens.email is 'Address that the token proves and the account will have; null for other purposes.';
alter table app_private.user_tokens drop constraint if exists user_tokens_purpose_check;
-- squawk-ignore constraint-missing-not-valid
alter table app_private.user_tokens add constraint user_tokens_purpose_check
  check (purpose in ('verify_email', 'reset_password', 'login_code', 'change_email'));
alter table app_private.emails drop constraint if exists emails_kind_check;
-- squawk-ignore constraint-missing-not-valid
alter table app_private.emails add constraint emails_kind_check
  check (kind in ('verify_email', 'reset_password', 'invitation', 'already_registered', 'login_code', 'change_email',
    'email_changing', 'operator_notice'));

grant usage on schema app_private to app_operator;

comment on column app_public.project_members.role is
  'Rank they have in the project, instead of that in its team and in the tenant. Owners and admins of the tenant keep theirs.';
comment on column app_public.team_members.role is
  'Rank they have in the projects of the team that give them none themselves, instead of that in the tenant. Owners and admins of the tenant keep theirs.';
