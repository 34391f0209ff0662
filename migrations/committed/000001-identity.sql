--! Previous: -
--! Hash: sha1:4be393c4b7cbe1f287bbdff254581c2d8c320fdb
--! Message: identity

-- Rooms of the database, shared types, people, tenants, keys and sessions.
-- Lock: none that matters, everything is new. Rows touched: none. Safe while old code runs: there is none.

create schema app_public;
create schema app_hidden;
create schema app_private;
create schema audit;
create schema partitions;
create schema extensions;
comment on schema app_public  is 'What the GraphQL API shows.';
comment on schema app_hidden  is 'Helpers that policies and functions call; never exposed.';
comment on schema app_private is 'Secrets, directories, trigger functions and internals; no API role may enter.';
comment on schema audit       is 'The ledger of row versions; read through views only.';
comment on schema partitions  is 'Every partition child. A child read directly ignores the policies of its parent, so nobody may.';
comment on schema extensions  is 'Functions of extensions, away from every search_path.';

create extension pgcrypto with schema extensions;

-- Born shut: a function is for nobody until its file says for whom.
alter default privileges revoke execute on functions from public;

grant usage on schema app_public, app_hidden to app_anonymous, app_user, app_system, freehold_worker;
grant usage on schema app_private to app_system, freehold_worker, freehold_authenticator;
grant usage on schema extensions to app_system;
-- To own a function one must be allowed to create in its schema.
grant create on schema app_public, app_hidden, app_private to app_system;

create domain app_public.email as text
  constraint email_check check (
    value = lower(value) and length(value) <= 255 and value ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$');
comment on domain app_public.email is 'An e-mail address in lower case, at most 255 characters.';

create domain app_public.slug as text
  constraint slug_check check (value ~ '^[a-z0-9][a-z0-9-]{1,62}$');
comment on domain app_public.slug is 'Two to 63 lower-case letters, digits and dashes; does not begin with a dash.';

create domain app_public.username as text
  constraint username_check check (value ~ '^[a-z0-9][a-z0-9_.-]{1,49}$');
comment on domain app_public.username is 'Two to 50 lower-case letters, digits, dots, dashes and underscores.';

create domain app_public.hostname as text
  constraint hostname_check check (
    length(value) <= 253 and value ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$');
comment on domain app_public.hostname is 'A fully qualified host name in lower case, such as app.example.com.';

create type app_public.user_role as enum ('viewer', 'user', 'developer', 'tenant_admin', 'admin');
comment on type app_public.user_role is 'What a person is on the platform as a whole; rights inside a tenant come from member_role.';

-- The order is the rank: comparisons of roles rely on it.
create type app_public.member_role as enum ('billing', 'viewer', 'member', 'developer', 'admin', 'owner');
comment on type app_public.member_role is
  'Rank inside a tenant: viewer reads, member comments and creates, developer deploys, admin manages people and keys, owner may do everything. billing stands beside and sees no project that is not public.';

create type app_public.member_status as enum ('pending', 'invited', 'joined', 'declined', 'expired', 'removed');
comment on type app_public.member_status is 'Where a membership stands; only joined gives access.';

create type app_public.plan_tier as enum ('free', 'starter', 'pro', 'team', 'enterprise');
comment on type app_public.plan_tier is 'Plan of a tenant.';

create type app_public.api_scope as enum ('read', 'write', 'admin');
comment on type app_public.api_scope is
  'What an API key may do at most: read acts as viewer, write as developer, admin as admin; never more than its owner.';

create type app_public.actor_type as enum ('user', 'api', 'worker', 'webhook', 'system');
comment on type app_public.actor_type is 'What kind of actor did something: a person, an API key, a worker task, an inbound webhook or the platform itself.';

create table app_public.users (
  id                  uuid        not null default uuidv7(),
  email               app_public.email    not null,
  username            app_public.username not null,
  name                text        not null,
  first_name          text,
  last_name           text,
  full_name           text        generated always as (
    coalesce(nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), name)) virtual,
  avatar_url          text,
  bio                 text,
  location            text,
  website_url         text,
  github_username     text,
  role                app_public.user_role not null default 'user',
  is_active           boolean     not null default true,
  email_verified_at   timestamptz,
  email_verified      boolean     generated always as (email_verified_at is not null) virtual,
  is_verified         boolean     generated always as (email_verified_at is not null) virtual,
  two_factor_enabled  boolean     not null default false,
  last_login_at       timestamptz,
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now(),
  deleted_at          timestamptz,
  is_deleted          boolean     generated always as (deleted_at is not null) virtual,
  constraint users_pkey primary key (id),
  constraint users_email_key unique (email),
  constraint users_username_key unique (username),
  constraint users_name_check check (length(name) between 1 and 255),
  constraint users_first_name_check check (length(first_name) <= 255),
  constraint users_last_name_check check (length(last_name) <= 255),
  constraint users_avatar_url_check check (length(avatar_url) <= 500 and avatar_url ~ '^https?://'),
  constraint users_bio_check check (length(bio) <= 2000),
  constraint users_location_check check (length(location) <= 255),
  constraint users_website_url_check check (length(website_url) <= 500 and website_url ~ '^https?://'),
  constraint users_github_username_check check (github_username ~ '^[A-Za-z0-9-]{1,39}$')
);
comment on table app_public.users is 'A person. Visible to themselves and to those who share the tenant of the request.';
comment on column app_public.users.id is 'Identifier, a version 7 UUID.';
comment on column app_public.users.email is 'Address used to log in; unique on the platform.';
comment on column app_public.users.username is 'Handle; unique on the platform, derived from the address when not chosen.';
comment on column app_public.users.name is 'Display name.';
comment on column app_public.users.first_name is 'Given name; null when not told.';
comment on column app_public.users.last_name is 'Family name; null when not told.';
comment on column app_public.users.full_name is 'First and last name when told, else the display name.';
comment on column app_public.users.avatar_url is 'Picture (http or https URL); null when there is none.';
comment on column app_public.users.bio is 'A few words about themselves; null when not told.';
comment on column app_public.users.location is 'Where they say they are; null when not told.';
comment on column app_public.users.website_url is 'Their site (http or https URL); null when not told.';
comment on column app_public.users.github_username is 'Their GitHub login; null when not told.';
comment on column app_public.users.role is 'Role on the platform as a whole; gives no right inside a tenant.';
comment on column app_public.users.is_active is 'Whether they may authenticate.';
comment on column app_public.users.email_verified_at is 'When the address was proved to be theirs; null until then.';
comment on column app_public.users.email_verified is 'Whether the address was proved to be theirs.';
comment on column app_public.users.is_verified is 'The same as emailVerified.';
comment on column app_public.users.two_factor_enabled is 'Whether a log-in also needs a one-time code.';
comment on column app_public.users.last_login_at is 'When they last logged in; null before the first time.';
comment on column app_public.users.created_at is 'When the account was made.';
comment on column app_public.users.updated_at is 'When the row last changed.';
comment on column app_public.users.deleted_at is 'When the account was closed; null while it is open.';
comment on column app_public.users.is_deleted is 'Whether the account was closed.';
alter table app_public.users enable row level security, force row level security;
create index users_github_username_idx on app_public.users (github_username) where github_username is not null; -- link a push to a person
create index users_created_at_idx on app_public.users (created_at);
create index users_updated_at_idx on app_public.users (updated_at);
create index users_role_idx on app_public.users (role) where role in ('admin', 'tenant_admin');                 -- few, listed by operators
create index users_is_active_idx on app_public.users (id) where not is_active;                                  -- few, listed by operators

create table app_public.tenants (
  id               uuid        not null default uuidv7(),
  name             text        not null,
  slug             app_public.slug not null,
  description      text,
  domain           app_public.hostname,
  is_active        boolean     not null default true,
  plan             app_public.plan_tier not null default 'free',
  max_services     integer     not null default 5,
  owner_id         uuid,
  billing_owner_id uuid,
  settings         jsonb       not null default '{}',
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  deleted_at       timestamptz,
  is_deleted       boolean     generated always as (deleted_at is not null) virtual,
  constraint tenants_pkey primary key (id),
  constraint tenants_slug_key unique (slug),
  constraint tenants_domain_key unique (domain),
  constraint tenants_owner_id_fkey foreign key (owner_id) references app_public.users (id) on delete set null,
  constraint tenants_billing_owner_id_fkey foreign key (billing_owner_id) references app_public.users (id) on delete set null,
  constraint tenants_name_check check (length(name) between 1 and 255),
  constraint tenants_max_services_check check (max_services >= 0),
  constraint tenants_settings_check check (jsonb_typeof(settings) = 'object')
);
comment on table app_public.tenants is 'An organisation: the wall that every other row stands behind.';
comment on column app_public.tenants.id is 'Identifier, a version 7 UUID.';
comment on column app_public.tenants.name is 'Display name.';
comment on column app_public.tenants.slug is 'Short name for URLs and the X-Tenant header; unique on the platform.';
comment on column app_public.tenants.description is 'A few words about it; null when not told.';
comment on column app_public.tenants.domain is 'Host name of the organisation; unique on the platform, null when not told.';
comment on column app_public.tenants.is_active is 'Whether requests for it are answered at all.';
comment on column app_public.tenants.plan is 'Plan in force; follows the live subscription.';
comment on column app_public.tenants.max_services is 'How many services it may run; follows the plan unless set apart.';
comment on column app_public.tenants.owner_id is 'The person who answers for it; null when that account is gone.';
comment on column app_public.tenants.billing_owner_id is 'Who gets the invoices; null means the owner.';
comment on column app_public.tenants.settings is 'Settings of the tenant as a JSON object; enforce_mfa (boolean) asks every member for a second factor.';
comment on column app_public.tenants.created_at is 'When it was made.';
comment on column app_public.tenants.updated_at is 'When the row last changed.';
comment on column app_public.tenants.deleted_at is 'When it was closed; null while it is open.';
comment on column app_public.tenants.is_deleted is 'Whether it was closed.';
alter table app_public.tenants enable row level security, force row level security;
create index tenants_owner_id_idx on app_public.tenants (owner_id);
create index tenants_billing_owner_id_idx on app_public.tenants (billing_owner_id);
create index tenants_updated_at_idx on app_public.tenants (updated_at);

create table app_public.user_settings (
  user_id           uuid        not null,
  preferences       jsonb       not null default '{}',
  settings          jsonb       not null default '{}',
  default_tenant_id uuid,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  constraint user_settings_pkey primary key (user_id),
  constraint user_settings_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint user_settings_default_tenant_id_fkey foreign key (default_tenant_id) references app_public.tenants (id) on delete set null,
  constraint user_settings_preferences_check check (jsonb_typeof(preferences) = 'object'),
  constraint user_settings_settings_check check (jsonb_typeof(settings) = 'object')
);
comment on table app_public.user_settings is 'What only the person themselves may see of their account.';
comment on column app_public.user_settings.user_id is 'Whose settings these are.';
comment on column app_public.user_settings.preferences is 'Preferences of the user interface, a JSON object the client owns.';
comment on column app_public.user_settings.settings is 'Settings of the account, a JSON object.';
comment on column app_public.user_settings.default_tenant_id is 'Tenant that a request without X-Tenant means; null asks for none.';
comment on column app_public.user_settings.created_at is 'When the row was made.';
comment on column app_public.user_settings.updated_at is 'When the row last changed.';
alter table app_public.user_settings enable row level security, force row level security;
create index user_settings_default_tenant_id_idx on app_public.user_settings (default_tenant_id);
create index user_settings_updated_at_idx on app_public.user_settings (updated_at);

create table app_private.user_secrets (
  user_id             uuid        not null,
  password_hash       text        not null,
  password_changed_at timestamptz not null default now(),
  two_factor_secret   text,
  is_totp_confirmed   boolean     not null default false,
  totp_last_step      bigint      not null default 0,
  recovery_hashes     bytea[]     not null default '{}',
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now(),
  constraint user_secrets_pkey primary key (user_id),
  constraint user_secrets_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade
);
comment on table app_private.user_secrets is 'What a person knows or owns to prove who they are.';
comment on column app_private.user_secrets.password_hash is 'bcrypt, cost 10.';
comment on column app_private.user_secrets.two_factor_secret is 'TOTP seed, sealed by app_private.seal; null when two-factor was never set up.';
comment on column app_private.user_secrets.is_totp_confirmed is 'False between enable_totp and confirm_totp.';
comment on column app_private.user_secrets.totp_last_step is 'Last accepted time step: a code works once (RFC 6238, 5.2).';
comment on column app_private.user_secrets.recovery_hashes is 'SHA-256 of the recovery codes that are left; each works once.';
alter table app_private.user_secrets enable row level security, force row level security;
create index user_secrets_updated_at_idx on app_private.user_secrets (updated_at);

create table app_private.user_tokens (
  token_hash bytea       not null,
  user_id    uuid        not null,
  purpose    text        not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at    timestamptz,
  constraint user_tokens_pkey primary key (token_hash),
  constraint user_tokens_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint user_tokens_purpose_check check (purpose in ('verify_email', 'reset_password'))
);
comment on table app_private.user_tokens is 'One-time tokens sent by mail, as SHA-256.';
alter table app_private.user_tokens enable row level security, force row level security;
create index user_tokens_user_id_idx on app_private.user_tokens (user_id, purpose);
create index user_tokens_expires_at_idx on app_private.user_tokens (expires_at); -- sweep

create table app_private.rate_limits (
  subject_type   text        not null,
  subject_id     text        not null,
  window_seconds integer     not null,
  window_start   timestamptz not null,
  count          integer     not null default 0,
  "limit"        integer     not null,
  constraint rate_limits_pkey primary key (subject_type, subject_id, window_seconds, window_start)
);
comment on table app_private.rate_limits is
  'Fixed-window counters: failed log-ins per account and address, requests per API key. Written by take_rate_limit.';
alter table app_private.rate_limits enable row level security, force row level security;
create index rate_limits_window_start_idx on app_private.rate_limits (window_start); -- sweep

create table app_private.emails (
  id         uuid        not null default uuidv7(),
  kind       text        not null,
  recipient  app_public.email not null,
  details    jsonb       not null default '{}',
  token      text,
  created_at timestamptz not null default now(),
  sent_at    timestamptz,
  constraint emails_pkey primary key (id),
  constraint emails_kind_check check (kind in ('verify_email', 'reset_password', 'invitation'))
);
comment on table app_private.emails is 'Mail to send. The row and the reason for it are one transaction; the job carries only the id.';
comment on column app_private.emails.details is 'Harmless values for the text, such as the name of a tenant.';
comment on column app_private.emails.token is 'Sealed one-time token; emptied when the mail is sent.';
alter table app_private.emails enable row level security, force row level security;
create index emails_created_at_idx on app_private.emails (created_at); -- sweep

create table app_public.tenant_members (
  tenant_id          uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid,
  id                 uuid        not null default uuidv7(),
  user_id            uuid,
  role               app_public.member_role not null default 'member',
  invitation_status  app_public.member_status not null default 'invited',
  invited_by_user_id uuid,
  invited_email      app_public.email,
  invitation_expires_at timestamptz,
  joined_at          timestamptz,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  constraint tenant_members_pkey primary key (tenant_id, id),
  constraint tenant_members_user_id_key unique (tenant_id, user_id),
  constraint tenant_members_invited_email_key unique (tenant_id, invited_email),
  constraint tenant_members_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  constraint tenant_members_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint tenant_members_invited_by_user_id_fkey foreign key (invited_by_user_id) references app_public.users (id) on delete set null,
  constraint tenant_members_someone_check check (user_id is not null or invited_email is not null),
  constraint tenant_members_joined_check check (invitation_status <> 'joined' or (user_id is not null and joined_at is not null))
);
comment on table app_public.tenant_members is 'Who belongs to a tenant, and who was asked to. Changed by invite_member, accept_invitation, change_member_role and their kin.';
comment on column app_public.tenant_members.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.tenant_members.id is 'Identifier, a version 7 UUID.';
comment on column app_public.tenant_members.user_id is 'The person; null until an invitation to an unknown address is accepted.';
comment on column app_public.tenant_members.role is 'Rank inside the tenant.';
comment on column app_public.tenant_members.invitation_status is 'Where the membership stands; only joined gives access.';
comment on column app_public.tenant_members.invited_by_user_id is 'Who asked them in; null for the founder or when that account is gone.';
comment on column app_public.tenant_members.invited_email is 'Address the invitation went to; null for the founder.';
comment on column app_public.tenant_members.invitation_expires_at is 'Until when the invitation can be accepted; null when there is none.';
comment on column app_public.tenant_members.joined_at is 'When they joined; null until then.';
comment on column app_public.tenant_members.created_at is 'When the row was made.';
comment on column app_public.tenant_members.updated_at is 'When the row last changed.';
alter table app_public.tenant_members enable row level security, force row level security;
create index tenant_members_user_id_idx on app_public.tenant_members (user_id);                       -- my_tenants, authenticate
create index tenant_members_invited_by_user_id_idx on app_public.tenant_members (invited_by_user_id);
create index tenant_members_updated_at_idx on app_public.tenant_members (tenant_id, updated_at);

create table app_private.invitation_directory (
  token_hash bytea       not null,
  tenant_id  uuid        not null,
  member_id  uuid        not null,
  created_at timestamptz not null default now(),
  constraint invitation_directory_pkey primary key (token_hash)
);
comment on table app_private.invitation_directory is 'Finds the invitation that a mailed token speaks of. A directory keeps ids without a foreign key: global rows never reference tenant rows.';
alter table app_private.invitation_directory enable row level security, force row level security;
create index invitation_directory_tenant_id_idx on app_private.invitation_directory (tenant_id, member_id);

create table app_public.teams (
  tenant_id   uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid,
  id          uuid        not null default uuidv7(),
  name        text        not null,
  description text,
  owner_id    uuid        default nullif(current_setting('app.user_id', true), '')::uuid,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  deleted_at  timestamptz,
  is_deleted  boolean     generated always as (deleted_at is not null) virtual,
  constraint teams_pkey primary key (tenant_id, id),
  constraint teams_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete cascade,
  -- The lead is of the tenant.
  constraint teams_owner_id_fkey foreign key (tenant_id, owner_id)
    references app_public.tenant_members (tenant_id, user_id) on delete set null (owner_id),
  constraint teams_name_key unique (tenant_id, name),
  constraint teams_name_check check (length(name) between 1 and 100)
);
comment on table app_public.teams is 'A group of members; a project can be shown to one team only.';
comment on column app_public.teams.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.teams.id is 'Identifier, a version 7 UUID.';
comment on column app_public.teams.name is 'Name, unique inside the tenant, at most 100 characters.';
comment on column app_public.teams.description is 'What the team is for; null when not told.';
comment on column app_public.teams.owner_id is 'Member who leads it; null when they left.';
comment on column app_public.teams.created_at is 'When it was made.';
comment on column app_public.teams.updated_at is 'When the row last changed.';
comment on column app_public.teams.deleted_at is 'When it was dissolved; null while it stands.';
comment on column app_public.teams.is_deleted is 'Whether it was dissolved.';
alter table app_public.teams enable row level security, force row level security;
create index teams_owner_id_idx on app_public.teams (tenant_id, owner_id);
create index teams_updated_at_idx on app_public.teams (tenant_id, updated_at);

create table app_public.team_members (
  tenant_id          uuid        not null default nullif(current_setting('app.tenant_id', true), '')::uuid,
  id                 uuid        not null default uuidv7(),
  team_id            uuid        not null,
  user_id            uuid        not null,
  role               app_public.member_role not null default 'member',
  status             app_public.member_status not null default 'joined',
  invited_by_user_id uuid        default nullif(current_setting('app.user_id', true), '')::uuid,
  joined_at          timestamptz not null default now(),
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  constraint team_members_pkey primary key (tenant_id, id),
  constraint team_members_team_id_user_id_key unique (tenant_id, team_id, user_id),
  constraint team_members_team_id_fkey foreign key (tenant_id, team_id)
    references app_public.teams (tenant_id, id) on delete cascade,
  -- Whoever leaves the tenant leaves its teams.
  constraint team_members_membership_fkey foreign key (tenant_id, user_id)
    references app_public.tenant_members (tenant_id, user_id) on delete cascade,
  constraint team_members_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint team_members_invited_by_user_id_fkey foreign key (invited_by_user_id) references app_public.users (id) on delete set null
);
comment on table app_public.team_members is 'Who is in a team.';
comment on column app_public.team_members.tenant_id is 'Tenant the row belongs to.';
comment on column app_public.team_members.id is 'Identifier, a version 7 UUID.';
comment on column app_public.team_members.team_id is 'The team.';
comment on column app_public.team_members.user_id is 'The person; a member of the tenant.';
comment on column app_public.team_members.role is 'Rank inside the team.';
comment on column app_public.team_members.status is 'Where the membership stands; only joined counts.';
comment on column app_public.team_members.invited_by_user_id is 'Who put them in; null when that account is gone.';
comment on column app_public.team_members.joined_at is 'When they joined.';
comment on column app_public.team_members.created_at is 'When the row was made.';
comment on column app_public.team_members.updated_at is 'When the row last changed.';
alter table app_public.team_members enable row level security, force row level security;
create index team_members_user_id_idx on app_public.team_members (user_id);
create index team_members_membership_idx on app_public.team_members (tenant_id, user_id);
create index team_members_invited_by_user_id_idx on app_public.team_members (invited_by_user_id);
create index team_members_updated_at_idx on app_public.team_members (tenant_id, updated_at);

create table app_public.sessions (
  id           uuid        not null default uuidv7(),
  user_id      uuid        not null,
  tenant_id    uuid,
  device_info  jsonb       not null default '{}',
  ip_address   inet,
  user_agent   text,
  expires_at   timestamptz not null,
  last_seen_at timestamptz not null default now(),
  revoked_at   timestamptz,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint sessions_pkey primary key (id),
  constraint sessions_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade,
  constraint sessions_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete set null,
  constraint sessions_device_info_check check (jsonb_typeof(device_info) = 'object')
);
comment on table app_public.sessions is 'A log-in of a person; visible to that person only.';
comment on column app_public.sessions.id is 'Identifier, a version 7 UUID.';
comment on column app_public.sessions.user_id is 'Who logged in.';
comment on column app_public.sessions.tenant_id is 'Tenant last asked for; null when none was.';
comment on column app_public.sessions.device_info is 'What the client said about itself, a JSON object.';
comment on column app_public.sessions.ip_address is 'Address of the log-in; null when unknown.';
comment on column app_public.sessions.user_agent is 'User agent of the log-in; null when unknown.';
comment on column app_public.sessions.expires_at is 'Until when the token works.';
comment on column app_public.sessions.last_seen_at is 'When it was last used, exact to a minute.';
comment on column app_public.sessions.revoked_at is 'When it was ended; null while it is open.';
comment on column app_public.sessions.created_at is 'When the log-in happened.';
comment on column app_public.sessions.updated_at is 'When the row last changed.';
alter table app_public.sessions enable row level security, force row level security;
create index sessions_user_id_idx on app_public.sessions (user_id);
create index sessions_tenant_id_idx on app_public.sessions (tenant_id);
create index sessions_expires_at_idx on app_public.sessions (expires_at); -- sweep
create index sessions_updated_at_idx on app_public.sessions (updated_at);

create table app_private.session_tokens (
  token_hash bytea not null,
  session_id uuid  not null,
  constraint session_tokens_pkey primary key (token_hash),
  constraint session_tokens_session_id_fkey foreign key (session_id) references app_public.sessions (id) on delete cascade
);
comment on table app_private.session_tokens is 'SHA-256 of session tokens, and the session each opens.';
alter table app_private.session_tokens enable row level security, force row level security;
create index session_tokens_session_id_idx on app_private.session_tokens (session_id);

create type app_public.login_result as (
  token      text,
  session_id uuid,
  user_id    uuid,
  expires_at timestamptz,
  refusal    jsonb
);
comment on type app_public.login_result is 'What a log-in gives.';
comment on column app_public.login_result.token is 'Bearer token of the session; shown this once.';
comment on column app_public.login_result.session_id is 'The session that was opened.';
comment on column app_public.login_result.user_id is 'Who logged in.';
comment on column app_public.login_result.expires_at is 'Until when the token works.';
comment on column app_public.login_result.refusal is 'Why it was refused. A refusal that has to be remembered can not be an exception, which would undo the remembering; the API turns it into an error.';

create type app_public.confirmation as (
  is_done boolean,
  refusal jsonb
);
comment on type app_public.confirmation is 'Answer of a function that has nothing else to tell.';
comment on column app_public.confirmation.is_done is 'True when it was done.';
comment on column app_public.confirmation.refusal is 'Why it was refused; the API turns it into an error.';

create type app_public.totp_enrolment as (
  secret      text,
  otpauth_url text,
  refusal     jsonb
);
comment on type app_public.totp_enrolment is 'What an authenticator app needs.';
comment on column app_public.totp_enrolment.secret is 'Seed in base 32; shown this once.';
comment on column app_public.totp_enrolment.otpauth_url is 'The same as a URL, for a QR code.';
comment on column app_public.totp_enrolment.refusal is 'Why it was refused; the API turns it into an error.';
