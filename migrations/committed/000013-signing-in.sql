--! Previous: sha1:d9b0d46edfa429b089e211e2e91c711ff34382b3
--! Hash: sha1:267b40e964e94eeacc1b3cdfd426d903a9e99eaf
--! Message: signing in

-- Signing in: accounts that begin with a proved address, devices that are known, sessions that proved themselves lately.
-- Locks: access exclusive on sessions, user_tokens and emails, each for a change of the catalogue alone; emails is read once for
--   its new check; share on tenant_members while its index is built.
-- Rows touched: none.
-- Safe while the old code runs: yes. It adds no session that lacks a value, no token without a person and no mail of a new kind.

-- Null until it happens, so nothing is to be filled in: a session of before authenticated when it was made.
alter table app_public.sessions add column if not exists reauthenticated_at timestamptz;
comment on column app_public.sessions.reauthenticated_at is
  'When its person last proved again who they are, by password and second factor; null when not since the log-in.';

create table if not exists app_private.registrations (
  token_hash    bytea       not null,
  email         app_public.email    not null,
  username      app_public.username,
  name          text        not null,
  password_hash text        not null,
  created_at    timestamptz not null default now(),
  expires_at    timestamptz not null,
  constraint registrations_pkey primary key (token_hash),
  constraint registrations_name_check check (length(name) between 1 and 255)
);
comment on table app_private.registrations is
  'Accounts that somebody asked for and whose address nobody has proved yet. The mailed token makes an account of it; of a taken address the token was mailed to nobody.';
comment on column app_private.registrations.token_hash is 'SHA-256 of the token.';
comment on column app_private.registrations.email is 'Address to prove; several may ask for one.';
comment on column app_private.registrations.username is 'Handle that was chosen; null to have one made of the address.';
comment on column app_private.registrations.name is 'Display name.';
comment on column app_private.registrations.password_hash is 'bcrypt, cost 10.';
comment on column app_private.registrations.created_at is 'When it was asked for.';
comment on column app_private.registrations.expires_at is 'Until when the token works.';
alter table app_private.registrations enable row level security, force row level security;
-- squawk-ignore require-concurrent-index-creation
create index if not exists registrations_email_idx on app_private.registrations (email);           -- the others end with the first
-- squawk-ignore require-concurrent-index-creation
create index if not exists registrations_expires_at_idx on app_private.registrations (expires_at); -- sweep

create table if not exists app_private.device_tokens (
  token_hash bytea       not null,
  user_id    uuid        not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint device_tokens_pkey primary key (token_hash),
  constraint device_tokens_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade
);
comment on table app_private.device_tokens is
  'Devices from which a person logged in. A token opens nothing: it exempts a log-in from what others failed at.';
comment on column app_private.device_tokens.token_hash is 'SHA-256 of the token.';
comment on column app_private.device_tokens.user_id is 'Who logged in there.';
comment on column app_private.device_tokens.created_at is 'When they first did.';
comment on column app_private.device_tokens.expires_at is 'Until when it is known; each log-in prolongs it.';
alter table app_private.device_tokens enable row level security, force row level security;
-- squawk-ignore require-concurrent-index-creation
create index if not exists device_tokens_user_id_idx on app_private.device_tokens (user_id, created_at); -- the newest few are kept
-- squawk-ignore require-concurrent-index-creation
create index if not exists device_tokens_expires_at_idx on app_private.device_tokens (expires_at);       -- sweep

-- A request for an address that nobody has does the same work: it leaves a token that is nobody's.
-- squawk-ignore ban-drop-not-null
alter table app_private.user_tokens alter column user_id drop not null;
comment on column app_private.user_tokens.user_id is 'Whose it is; null when the address was nobody''s, and then it opens nothing.';
alter table app_private.user_tokens drop constraint if exists user_tokens_purpose_check;
-- squawk-ignore constraint-missing-not-valid
alter table app_private.user_tokens add constraint user_tokens_purpose_check
  check (purpose in ('verify_email', 'reset_password', 'login_code'));
alter table app_private.emails drop constraint if exists emails_kind_check;
-- squawk-ignore constraint-missing-not-valid
alter table app_private.emails add constraint emails_kind_check
  check (kind in ('verify_email', 'reset_password', 'invitation', 'already_registered', 'login_code'));

alter type app_public.login_result add attribute device_token text;
comment on column app_public.login_result.device_token is
  'Keep it on this device and send it with the next log-in: then what others fail at does not stand in its way. It opens nothing by itself.';

create type app_public.totp_confirmation as (
  recovery_codes text[],
  refusal        jsonb
);
comment on type app_public.totp_confirmation is 'What turning on the second factor gives.';
comment on column app_public.totp_confirmation.recovery_codes is
  'Ten recovery codes of 80 bits, shown this once; each is good for one log-in.';
comment on column app_public.totp_confirmation.refusal is 'Why it was refused; the API turns it into an error.';

create type app_public.invitation_result as (
  tenant_member app_public.tenant_members,
  refusal       jsonb
);
comment on type app_public.invitation_result is 'What an invitation gives.';
comment on column app_public.invitation_result.tenant_member is 'The membership that waits to be accepted.';
comment on column app_public.invitation_result.refusal is 'Why it was refused; the API turns it into an error.';

comment on column app_public.tenants.settings is
  'Settings of the tenant as a JSON object. enforce_mfa (boolean) asks every member for a second factor; invitations_for_any_address (boolean) lets whoever holds the mailed token accept, and not only the address that was invited.';

-- The sweep looks for invitations that ran out, and for nothing else of all members.
-- squawk-ignore require-concurrent-index-creation
create index if not exists tenant_members_invitation_expires_at_idx on app_public.tenant_members (invitation_expires_at)
  where invitation_status = 'invited';
