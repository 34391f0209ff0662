--! Previous: sha1:06487c76fbd435378cf9a429583d5994bba5dae9
--! Hash: sha1:4692338cf659433ff3372440a4772eb86b0c1155
--! Message: audit

-- The ledger of row versions, its seals, and the log of what people and systems did.
-- Lock: none that matters, everything is new. Rows touched: none. Safe while old code runs: yes.

create type app_public.audit_action as enum ('insert', 'update', 'delete', 'truncate');
comment on type app_public.audit_action is 'What happened to a row; truncate empties a whole table.';

grant usage on schema audit to app_user, app_system;

create table audit.row_versions (
  tenant_id       uuid        not null,
  created_at      timestamptz not null default clock_timestamp(),
  id              uuid        not null default uuidv7(),
  table_name      text        not null,
  row_id          uuid,
  project_id      uuid,
  subject_id      uuid,
  reader_role     app_public.member_role not null,
  action          app_public.audit_action not null,
  actor_type      app_public.actor_type not null,
  user_id         uuid,
  api_key_id      uuid,
  actor           text,
  session_id      uuid,
  request_id      text,
  transaction_id  xid8        not null default pg_current_xact_id(),
  snapshot        jsonb       not null,
  diff            jsonb       not null default '{}',
  personal        jsonb,
  personal_salt   bytea,
  personal_digest bytea,
  ip              inet,
  user_agent      text,
  origin_salt     bytea,
  origin_digest   bytea,
  constraint row_versions_pkey primary key (tenant_id, created_at, id)
) partition by range (created_at);
comment on table audit.row_versions is
  'Every version of every audited row, appended by the triggers tg__audit_*. Nothing is changed or removed, except that erase_user empties the personal columns of one person; the digests that seals are made of stay.';
comment on column audit.row_versions.tenant_id is 'Tenant of the row; all zeros for tables of the whole platform.';
comment on column audit.row_versions.created_at is 'When the row was written, by the clock and not by the start of the transaction: versions of one row are in order.';
comment on column audit.row_versions.id is 'Identifier, a version 7 UUID.';
comment on column audit.row_versions.table_name is 'Table of the row.';
comment on column audit.row_versions.row_id is 'The row; null when the table was truncated.';
comment on column audit.row_versions.project_id is 'Project of the row; null when it has none.';
comment on column audit.row_versions.subject_id is 'Person the row is about; null when it is about nobody.';
comment on column audit.row_versions.reader_role is 'Rank one needs to read this version.';
comment on column audit.row_versions.action is 'What happened.';
comment on column audit.row_versions.actor_type is 'Kind of actor.';
comment on column audit.row_versions.user_id is 'Person who did it, or whose key did; null when nobody.';
comment on column audit.row_versions.api_key_id is 'API key that did it; null when none.';
comment on column audit.row_versions.actor is 'Task, webhook source or database role when it was no request.';
comment on column audit.row_versions.session_id is 'Session in which it was done; null when none.';
comment on column audit.row_versions.request_id is 'Request in which it was done; null outside of requests.';
comment on column audit.row_versions.transaction_id is 'Transaction it was part of.';
comment on column audit.row_versions.snapshot is 'The row after the change, for a delete as it was; without its secret and personal columns.';
comment on column audit.row_versions.diff is 'Old values of the columns that an update changed; a secret one is named, its values are not.';
comment on column audit.row_versions.personal is 'Personal columns of the row, {"snapshot": {}, "diff": {}}; null when there are none or the person was erased.';
comment on column audit.row_versions.personal_salt is 'Random bytes hashed with personal; destroyed with it, so that nobody can try values against the digest.';
comment on column audit.row_versions.personal_digest is 'SHA-256 of salt and personal: what the seal holds on to after erasure.';
comment on column audit.row_versions.ip is 'Address the request came from; null when unknown or erased.';
comment on column audit.row_versions.user_agent is 'User agent of the request; null when unknown or erased.';
comment on column audit.row_versions.origin_salt is 'Random bytes hashed with ip and user_agent; destroyed with them.';
comment on column audit.row_versions.origin_digest is 'SHA-256 of salt, ip and user_agent.';
alter table audit.row_versions enable row level security, force row level security;
create index row_versions_row_id_idx on audit.row_versions (tenant_id, table_name, row_id, id desc);           -- history of a row, as-of row
create index row_versions_project_id_idx on audit.row_versions (tenant_id, table_name, project_id, row_id, id desc)
  where project_id is not null;                                                                                 -- as-of list of a project
create index row_versions_transaction_id_idx on audit.row_versions (tenant_id, transaction_id);                 -- sealer, revert of a transaction
create index row_versions_user_id_idx on audit.row_versions (user_id) where user_id is not null;                -- erase_user, revert of an actor
create index row_versions_subject_id_idx on audit.row_versions (subject_id) where subject_id is not null;       -- erase_user, one's own history

create table audit.seals (
  tenant_id         uuid        not null,
  number            bigint      not null,
  from_transaction  xid8        not null,
  until_transaction xid8        not null,
  row_count         bigint      not null,
  manifest          bytea       not null,
  previous_digest   bytea       not null,
  digest            bytea       not null,
  created_at        timestamptz not null default clock_timestamp(),
  constraint seals_pkey primary key (tenant_id, number),
  constraint seals_until_transaction_key unique (tenant_id, until_transaction),
  constraint seals_range_check check (from_transaction < until_transaction),
  constraint seals_manifest_check check (length(manifest) = row_count * 48)
);
comment on table audit.seals is
  'Chain of digests over the ledger of a tenant. A seal covers all transactions from from_transaction to just before until_transaction; all of them had ended when it was made.';
comment on column audit.seals.tenant_id is 'Tenant whose ledger it seals; all zeros for tables of the whole platform.';
comment on column audit.seals.number is 'Place in the chain: 1, 2, 3.';
comment on column audit.seals.from_transaction is 'First transaction it covers.';
comment on column audit.seals.until_transaction is 'First transaction it does not cover.';
comment on column audit.seals.row_count is 'Versions it covers.';
comment on column audit.seals.manifest is '48 bytes for each version in order of transaction and id: its id, then its SHA-256.';
comment on column audit.seals.previous_digest is 'Digest of the seal before; 32 zero bytes for the first.';
comment on column audit.seals.digest is 'SHA-256 of previous digest, tenant, number, range and manifest.';
comment on column audit.seals.created_at is 'When it was made.';
alter table audit.seals enable row level security, force row level security;

create table app_public.audit_logs (
  tenant_id     uuid        not null,
  created_at    timestamptz not null default clock_timestamp(),
  id            uuid        not null default uuidv7(),
  occurred_at   timestamptz,
  action        text        not null,
  user_id       uuid,
  actor_type    app_public.actor_type not null default 'system',
  api_key_id    uuid,
  resource_type text,
  resource      text        generated always as (resource_type) virtual,
  resource_id   uuid,
  details       jsonb       not null default '{}',
  metadata      jsonb       generated always as (details) virtual,
  ip_address    inet,
  source_ip     inet        generated always as (ip_address) virtual,
  user_agent    text,
  request_id    text,
  response_code integer,
  constraint audit_logs_pkey primary key (tenant_id, created_at, id),
  constraint audit_logs_action_check check (length(action) between 1 and 255),
  constraint audit_logs_resource_type_check check (length(resource_type) <= 255),
  constraint audit_logs_details_check check (jsonb_typeof(details) = 'object')
) partition by range (created_at);
comment on table app_public.audit_logs is 'What people and systems did beyond changing rows: log-ins, refusals, use of keys, exports, reports of daemons. Append-only.';
comment on column app_public.audit_logs.tenant_id is 'Tenant it happened in; all zeros when in none.';
comment on column app_public.audit_logs.created_at is 'When it was written down, by our clock.';
comment on column app_public.audit_logs.occurred_at is 'When it happened by the clock of the daemon that reported it; null when we saw it ourselves.';
comment on column app_public.audit_logs.id is 'Identifier, a version 7 UUID unless a daemon gave its own.';
comment on column app_public.audit_logs.action is 'What was done, such as user.login.';
comment on column app_public.audit_logs.user_id is 'Who did it; null when a system did.';
comment on column app_public.audit_logs.actor_type is 'Kind of actor.';
comment on column app_public.audit_logs.api_key_id is 'API key it was done with; null when none.';
comment on column app_public.audit_logs.resource_type is 'Kind of thing it was done to; null when to none.';
comment on column app_public.audit_logs.resource is 'The same as resourceType.';
comment on column app_public.audit_logs.resource_id is 'The thing it was done to; null when to none.';
comment on column app_public.audit_logs.details is 'Facts about it, a JSON object; never a secret.';
comment on column app_public.audit_logs.metadata is 'The same as details.';
comment on column app_public.audit_logs.ip_address is 'Address it came from; null when unknown or erased.';
comment on column app_public.audit_logs.source_ip is 'The same as ipAddress.';
comment on column app_public.audit_logs.user_agent is 'User agent it came from; null when unknown or erased.';
comment on column app_public.audit_logs.request_id is 'Request in which it was done; null outside of requests.';
comment on column app_public.audit_logs.response_code is 'HTTP status of the answer; null when not known.';
alter table app_public.audit_logs enable row level security, force row level security;
create index audit_logs_user_id_idx on app_public.audit_logs (tenant_id, user_id, created_at desc);
create index audit_logs_action_idx on app_public.audit_logs (tenant_id, action, created_at desc);
create index audit_logs_resource_type_idx on app_public.audit_logs (tenant_id, resource_type, resource_id, created_at desc);
create index audit_logs_created_at_idx on app_public.audit_logs using brin (created_at);
create index audit_logs_person_idx on app_public.audit_logs (user_id) where user_id is not null;  -- erase_user, export_user

create table app_private.audit_event_ids (
  tenant_id  uuid        not null,
  id         uuid        not null,
  created_at timestamptz not null default now(),
  constraint audit_event_ids_pkey primary key (tenant_id, id),
  constraint audit_event_ids_tenant_id_fkey foreign key (tenant_id) references app_public.tenants (id) on delete cascade
);
comment on table app_private.audit_event_ids is
  'Ids of the events that daemons reported. A partitioned table can not be unique by id alone, so this one is.';
alter table app_private.audit_event_ids enable row level security, force row level security;
create index audit_event_ids_created_at_idx on app_private.audit_event_ids (created_at); -- sweep

create type app_public.recorded_audit_events as (
  stored     integer,
  duplicates integer
);
comment on type app_public.recorded_audit_events is 'What became of the events that a daemon reported.';
comment on column app_public.recorded_audit_events.stored is 'Events that were new.';
comment on column app_public.recorded_audit_events.duplicates is 'Events that were known already.';
