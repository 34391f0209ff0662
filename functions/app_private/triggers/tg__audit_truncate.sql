create or replace function app_private.tg__audit_truncate() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.row_versions (
    tenant_id, table_name, row_id, project_id, subject_id, reader_role, action, actor_type, user_id, api_key_id, actor,
    session_id, request_id, snapshot, diff, personal, personal_salt, personal_digest, ip, user_agent, origin_salt, origin_digest)
  select v.*
  from audit.version(TG_ARGV, 'truncate', null, null) v;
  return null;
end
$$;
comment on function app_private.tg__audit_truncate() is 'Appends to the ledger that a table was emptied.';
alter function app_private.tg__audit_truncate() owner to app_system;
