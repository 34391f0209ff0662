-- Raises FH401 UNAUTHENTICATED.
-- Which tables, and which of their columns, is said in sql/tables.sql.
-- Of a version that somebody else wrote it tells what and when, not who and from where.
create or replace function app_public.export_user() returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_table   record;
  v_rows    jsonb;
  v_export  jsonb;
begin
  v_user_id := app_private.require_session();
  perform app_private.log_audit_event(v_user_id, 'user.exported', 'user', v_user_id);
  v_export := jsonb_build_object('exportedAt', now());
  for v_table in
    select r.export as name, to_regclass(r.table_name) as relation, r.person, r.export_without as without,
      r.row_key = r.person as is_single, r.tenancy = 'tenant' as is_of_tenant
    from app_private.table_registry r
    where r.export is not null
  loop
    -- The name of a tenant is for those who were in it, which the person is or was.
    execute format($sql$
      select coalesce(jsonb_agg(to_jsonb(t) - $2 %2$s order by t.created_at), '[]')
      from %1$s t
      where t.%3$I = $1$sql$, v_table.relation,
      case when v_table.is_of_tenant then
        $sql$|| jsonb_build_object('tenant', (select n.slug from app_public.tenants n where n.id = t.tenant_id))$sql$
      end,
      v_table.person)
    into v_rows using v_user_id, v_table.without;
    v_export := v_export || jsonb_build_object(
      v_table.name, case when v_table.is_single then v_rows -> 0 else v_rows end);
  end loop;
  return v_export || jsonb_build_object('history', coalesce((
    select jsonb_agg(jsonb_build_object(
        'table', r.table_name, 'rowId', r.row_id, 'tenantId', r.tenant_id,
        'action', r.action, 'createdAt', r.created_at,
        'isYours', r.user_id is not distinct from v_user_id,
        'snapshot', r.snapshot - '{invited_by_user_id}'::text[] || coalesce(r.personal -> 'snapshot', '{}'),
        'diff', r.diff - '{invited_by_user_id}'::text[] || coalesce(r.personal -> 'diff', '{}'),
        'ip', case when r.user_id = v_user_id then r.ip end,
        'userAgent', case when r.user_id = v_user_id then r.user_agent end)
      order by r.created_at, r.id)
    from audit.row_versions r where r.subject_id = v_user_id), '[]'));
end
$$;
comment on function app_public.export_user() is
  'Everything that is kept about the person of the request, as one JSON object: profile, settings, sessions, '
  'memberships, API keys, what they did and what was done to their data.';
alter function app_public.export_user() owner to app_system;
grant execute on function app_public.export_user() to app_user;
