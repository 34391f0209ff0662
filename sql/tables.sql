-- What every mechanism knows of a table, one row each, and nowhere else: audit triggers, histories and as-of
-- functions, revert, erasure, export, partitions, dictionary, diagrams and laws have it from here. A view, so that it
-- is code and holds no data; what must be fast has it compiled in (the arguments of the audit triggers) and no write
-- of a request reads it.
-- Applied before everything else; files that name it run again when it changes.
-- A fact is left out where it does not apply. They are explained below the rows; a law refuses one that is misspelt.
drop view if exists app_private.table_registry;
create view app_private.table_registry as
select
  r.table_name, r.area, r.tenancy, f.readers, f.not_audited, coalesce(f.row_key, 'id') as row_key, f.person,
  coalesce(f.secret, '{}') as secret, coalesce(f.personal, '{}') as personal, coalesce(f.digest, '{}') as digest,
  coalesce(f.quiet, '{}') as quiet,
  f.erase, coalesce(f.erased, '{}') as erased, f.not_erased,
  f.export, coalesce(f.export_without, '{}') as export_without, f.not_exported,
  f.revert, coalesce(f.revert_keeps, '{}') as revert_keeps, coalesce(f.revert_refuses, '{}') as revert_refuses,
  f.not_reverted, f.named_people, f.partition,
  coalesce(f.is_append_only, false) as is_append_only, coalesce(f.is_live, false) as is_live, r.facts
from (values
  -- identity: people, and how they prove who they are
  ('app_public.users', 'identity', 'global', jsonb '{
    "readers": "owner", "person": "id",
    "personal": ["email", "username", "name", "first_name", "last_name", "full_name", "avatar_url", "bio", "location",
      "website_url", "github_username"],
    "erase": "blank",
    "erased": {"email": "''erased-'' || id || ''@erased.invalid''",
      "username": "''erased-'' || right(id::text, 12)", "name": "''Erased''"},
    "export": "profile", "not_reverted": "it belongs to a person and not to a tenant"}'),
  ('app_public.user_settings', 'identity', 'global', '{
    "readers": "owner", "row_key": "user_id", "person": "user_id", "personal": ["preferences", "settings"],
    "erase": "blank", "export": "settings", "not_reverted": "it belongs to a person and not to a tenant"}'),
  ('app_private.user_secrets', 'identity', 'global', '{
    "readers": "owner", "row_key": "user_id", "person": "user_id",
    "secret": ["password_hash", "two_factor_secret", "recovery_hashes"], "quiet": ["totp_last_step"],
    "erase": "delete", "not_exported": "a secret is shown to nobody",
    "not_reverted": "it belongs to a person and not to a tenant"}'),
  ('app_private.user_tokens', 'identity', 'global', '{
    "not_audited": "hashes of one-time tokens", "person": "user_id", "erase": "delete"}'),
  ('app_private.registrations', 'identity', 'global', '{
    "not_audited": "accounts that are not there yet, and go within days"}'),
  ('app_private.device_tokens', 'identity', 'global', '{
    "not_audited": "hashes of tokens", "person": "user_id", "erase": "delete"}'),
  ('app_public.sessions', 'identity', 'global', '{
    "readers": "owner", "person": "user_id",
    "personal": ["device_info", "ip_address", "user_agent"], "quiet": ["last_seen_at"],
    "erase": "blank", "export": "sessions", "not_reverted": "it belongs to a person and not to a tenant"}'),
  ('app_private.session_tokens', 'identity', 'global', '{
    "not_audited": "hashes of tokens; the sessions themselves are audited"}'),

  -- tenants: who belongs together
  ('app_public.tenants', 'tenants', 'global', '{
    "readers": "viewer", "not_erased": "it is about nobody", "not_exported": "it is about nobody",
    "revert": {"order": 1, "columns": "granted", "refuses": {
      "insert": "a tenant is not made or ended by a revert", "delete": "a tenant is not made or ended by a revert"}}}'),
  ('app_public.tenant_members', 'tenants', 'tenant', '{
    "readers": "admin", "person": "user_id", "personal": ["invited_email", "name_at_leaving", "username_at_leaving"],
    "erase": "blank", "export": "memberships", "export_without": ["invited_by_user_id"],
    "not_reverted": "invite_member, remove_member and change_member_role keep owners, tokens and keys right"}'),
  ('app_private.invitation_directory', 'tenants', 'directory', '{
    "not_audited": "hashes of tokens; the invitations themselves are audited"}'),
  ('app_public.teams', 'tenants', 'tenant', '{
    "readers": "viewer", "not_erased": "it is about nobody", "not_exported": "it is about nobody",
    "revert": {"order": 2}}'),
  ('app_public.team_members', 'tenants', 'tenant', '{
    "readers": "viewer", "person": "user_id", "not_erased": "it names the person by id alone",
    "export": "teams", "export_without": ["invited_by_user_id"], "revert": {"order": 3}}'),

  ('app_public.operator_grants', 'tenants', 'tenant', '{
    "readers": "admin", "not_erased": "it names people by id alone", "not_exported": "it is the tenant''s",
    "not_reverted": "what was granted and revoked mails, closes sockets and is not to be undone in silence"}'),

  -- keys: what machines act with
  ('app_public.api_keys', 'keys', 'tenant', '{
    "readers": "admin", "person": "user_id", "personal": ["allowed_ips"], "quiet": ["last_used_at", "usage_count"],
    "erase": "blank", "export": "apiKeys", "export_without": ["checksum"],
    "not_reverted": "its secret is not in the ledger, and a revoked key must stay revoked"}'),
  ('app_private.api_key_directory', 'keys', 'directory', '{
    "not_audited": "hashes of keys; the keys themselves are audited"}'),

  -- projects
  ('app_public.projects', 'projects', 'tenant', '{
    "readers": "billing", "not_erased": "it is about nobody", "not_exported": "it is about nobody",
    "revert": {"order": 4}, "revert_keeps": ["deployment_count", "last_activity_at"]}'),
  ('app_public.project_members', 'projects', 'tenant', '{
    "readers": "viewer", "person": "user_id", "not_erased": "it names the person by id alone", "export": "projects",
    "revert": {"order": 5}}'),
  ('app_public.project_environments', 'projects', 'tenant', '{
    "readers": "billing", "not_erased": "it is about nobody", "not_exported": "it is about nobody",
    "revert": {"order": 6}}'),

  -- deployments
  ('app_public.deployments', 'deployments', 'tenant', '{
    "readers": "billing", "quiet": ["heartbeat_at", "lease_expires_at"], "is_live": true,
    "not_erased": "it is about nobody", "not_exported": "it is about nobody",
    "revert": {"order": 8}, "revert_refuses": ["approval_state"],
    "revert_keeps": ["heartbeat_at", "lease_expires_at", "runner", "started_at", "completed_at", "build_started_at",
      "build_finished_at", "promoted_at", "is_current"]}'),
  ('app_public.deployment_status_history', 'deployments', 'tenant', '{"not_audited": "append-only"}'),
  ('app_public.deployment_logs', 'deployments', 'tenant', '{
    "not_audited": "append-only", "is_live": true,
    "partition": {"column": "created_at", "every": "1 month", "ahead": 3}}'),
  ('app_private.deployment_log_sequences', 'deployments', 'tenant', '{"not_audited": "counters"}'),
  ('app_private.deployment_leases', 'deployments', 'tenant', '{"not_audited": "hashes of tokens"}'),

  -- webhooks
  ('app_public.webhook_sources', 'webhooks', 'tenant', '{
    "readers": "developer", "quiet": ["last_received_at"],
    "not_erased": "it is about nobody", "not_exported": "it is about nobody", "revert_keeps": ["last_received_at"],
    "revert": {"order": 7, "refuses": {"insert": "the secret of a deleted source is gone; make another"}}}'),
  ('app_private.webhook_source_secrets', 'webhooks', 'tenant', '{
    "readers": "developer", "row_key": "webhook_source_id", "secret": ["secret", "previous_secret"],
    "not_erased": "it is about nobody", "not_exported": "a secret is shown to nobody",
    "not_reverted": "its secret is not in the ledger"}'),
  ('app_private.webhook_source_directory', 'webhooks', 'directory', '{
    "not_audited": "two ids; the sources themselves are audited"}'),
  ('app_public.webhook_events', 'webhooks', 'tenant', '{
    "not_audited": "an inbox: raw bytes of others, kept whole",
    "named_people": {"column": "payload", "address": "email", "names": ["name", "email", "username", "login"],
      "paths": [
      ["pusher"], ["commits", "*", "author"], ["commits", "*", "committer"],
      ["head_commit", "author"], ["head_commit", "committer"], ["repository", "owner"]]}}'),

  -- events
  ('app_public.events', 'events', 'tenant', '{
    "not_audited": "append-only", "is_append_only": true,
    "partition": {"column": "created_at", "every": "1 month", "ahead": 3}}'),
  ('app_public.event_types', 'events', 'reference', '{"not_audited": "written by seeds alone"}'),
  ('app_private.undispatched_events', 'events', 'tenant', '{"not_audited": "a queue"}'),

  -- audit
  ('audit.row_versions', 'audit', 'tenant', '{
    "not_audited": "the ledger itself", "is_append_only": true,
    "partition": {"column": "created_at", "every": "1 month", "ahead": 3}}'),
  ('audit.seals', 'audit', 'tenant', '{"not_audited": "append-only", "is_append_only": true}'),
  ('audit.erasures', 'audit', 'global', '{"not_audited": "append-only", "is_append_only": true}'),
  ('app_public.audit_logs', 'audit', 'tenant', '{
    "not_audited": "append-only", "is_append_only": true, "person": "user_id", "personal": ["ip_address", "user_agent"],
    "erase": "blank", "export": "auditLogs", "partition": {"column": "created_at", "every": "1 month", "ahead": 3}}'),
  ('app_private.audit_event_ids', 'audit', 'tenant', '{"not_audited": "ids of what is logged already"}'),

  -- platform: what keeps the rest going
  ('app_public.idempotency_keys', 'platform', 'tenant', '{"not_audited": "answers to retries"}'),
  ('app_private.allowed_repositories', 'platform', 'global', '{
    "not_audited": "a setting of the platform, written by hand"}'),
  ('app_private.rate_limits', 'platform', 'global', '{"not_audited": "counters"}'),
  ('app_private.horizons', 'platform', 'global', '{"not_audited": "how far the dispatcher and the sealer have come"}'),
  ('app_private.emails', 'platform', 'global', '{
    "not_audited": "an outbox of one-time tokens", "person": "user_id", "erase": "delete"}'),
  ('app_private.wrapping_keys', 'platform', 'global', '{"not_audited": "random bytes, and a secret"}'),
  ('app_private.applied_sources', 'platform', 'global', '{"not_audited": "a record itself, of what apply ran"}')
) r (table_name, area, tenancy, facts)
cross join lateral jsonb_to_record(r.facts) f (
  readers app_public.member_role, not_audited text, row_key text, person text,
  secret text[], personal text[], digest text[], quiet text[],
  erase text, erased jsonb, not_erased text,
  export text, export_without text[], not_exported text,
  revert jsonb, revert_keeps text[], revert_refuses text[], not_reverted text,
  named_people jsonb, partition jsonb, is_append_only boolean, is_live boolean);

comment on view app_private.table_registry is
  'What every mechanism knows of a table, one row each. Source: sql/tables.sql.';
comment on column app_private.table_registry.table_name is 'The table, with its schema.';
comment on column app_private.table_registry.area is 'Chapter of the dictionary, and topic of its functions.';
comment on column app_private.table_registry.tenancy is
  'tenant: its key begins with tenant_id; directory: finds a tenant by something globally unique; reference: the '
  'same for all; global: everything else.';
comment on column app_private.table_registry.readers is
  'Least rank that reads its history; null when it is not audited.';
comment on column app_private.table_registry.not_audited is 'Why the ledger does not keep it; null when it does.';
comment on column app_private.table_registry.row_key is 'Column that the ledger calls row_id.';
comment on column app_private.table_registry.person is
  'Column of the person a row is about; null when it is about nobody.';
comment on column app_private.table_registry.secret is 'Columns the ledger never holds; that they changed is named.';
comment on column app_private.table_registry.personal is
  'Columns with data of the person; the ledger keeps them apart, so that erasure can destroy them.';
comment on column app_private.table_registry.digest is
  'Columns of which the ledger keeps SHA-256 and length, not the value.';
comment on column app_private.table_registry.quiet is 'Columns whose change alone is no news: it makes no version.';
comment on column app_private.table_registry.erase is
  'What erasure does to the rows of the person: delete, or blank their personal columns; null for nothing.';
comment on column app_private.table_registry.erased is
  'By column, what a blanked one becomes, an expression over the row; others become null, or their default where '
  'null is refused.';
comment on column app_private.table_registry.not_erased is 'Why erasure leaves an audited table alone.';
comment on column app_private.table_registry.export is
  'Name under which the rows of the person are exported; a list, unless row_key is the person. Null for not at all.';
comment on column app_private.table_registry.export_without is 'Columns left out of the export: they tell of others.';
comment on column app_private.table_registry.not_exported is 'Why an audited table is not exported.';
comment on column app_private.table_registry.revert is
  'How a revert treats it: {order} of parents before children, {columns: "granted"} for only what app_user may '
  'update, {refuses: {action: why}}. Null for not at all.';
comment on column app_private.table_registry.revert_keeps is
  'Columns a revert leaves as they are, besides identity and updated_at: counters, and what the state machine stamps.';
comment on column app_private.table_registry.revert_refuses is
  'Columns that have a function of their own: a revert that would change one is refused.';
comment on column app_private.table_registry.not_reverted is 'Why an audited table is never reverted.';
comment on column app_private.table_registry.named_people is
  'Where documents of others name people: {column, paths of objects ("*" for each element of a list), address: '
  'member with their e-mail address, names: members that are theirs}. Erasure replaces them where the address is '
  'that of the person.';
comment on column app_private.table_registry.partition is
  'By which column it is partitioned, every how long, and how many periods ahead partitions are made; null when it '
  'is not.';
comment on column app_private.table_registry.is_append_only is
  'Whether nobody may change or remove its rows, erasure of personal columns aside.';
comment on column app_private.table_registry.is_live is 'Whether clients can subscribe to what happens to it.';
comment on column app_private.table_registry.facts is 'The row as it was written.';
revoke all on app_private.table_registry from public, app_anonymous, app_user, freehold_worker;
grant select on app_private.table_registry to app_system;
