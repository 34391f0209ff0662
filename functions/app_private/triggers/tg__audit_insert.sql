create or replace function app_private.tg__audit_insert() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.row_versions (
    tenant_id, table_name, row_id, project_id, subject_id, reader_role, action, actor_type, user_id, api_key_id, actor,
    session_id, request_id, snapshot, diff, personal, personal_salt, personal_digest, ip, user_agent, origin_salt, origin_digest)
  select v.*
  from inserted i, audit.version(TG_ARGV, 'insert', null, to_jsonb(i)) v;
  return null;
end
$$;
comment on function app_private.tg__audit_insert() is 'Appends inserted rows to the ledger, once a statement.';
alter function app_private.tg__audit_insert() owner to app_system;
