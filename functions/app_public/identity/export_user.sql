-- Raises FH401 UNAUTHENTICATED.
-- Of a version that somebody else wrote it tells what and when, not who and from where.
create or replace function app_public.export_user() returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_export  jsonb;
begin
  v_user_id := app_private.require_session();
  perform app_private.log_audit_event(v_user_id, 'user.exported', 'user', v_user_id);
  select jsonb_build_object(
    'exportedAt', now(),
    'profile', (select to_jsonb(u) from app_public.users u where u.id = v_user_id),
    'settings', (select to_jsonb(s) from app_public.user_settings s where s.user_id = v_user_id),
    'sessions', coalesce((
      select jsonb_agg(to_jsonb(s) order by s.created_at) from app_public.sessions s where s.user_id = v_user_id), '[]'),
    'memberships', coalesce((
      select jsonb_agg(to_jsonb(m) - 'invited_by_user_id' || jsonb_build_object('tenant', t.slug) order by m.created_at)
      from app_public.tenant_members m
      join app_public.tenants t on t.id = m.tenant_id
      where m.user_id = v_user_id), '[]'),
    'teams', coalesce((
      select jsonb_agg(to_jsonb(m) - 'invited_by_user_id' order by m.created_at)
      from app_public.team_members m where m.user_id = v_user_id), '[]'),
    'projects', coalesce((
      select jsonb_agg(to_jsonb(m) order by m.created_at)
      from app_public.project_members m where m.user_id = v_user_id), '[]'),
    'apiKeys', coalesce((
      select jsonb_agg(to_jsonb(k) - 'checksum' order by k.created_at) from app_public.api_keys k where k.user_id = v_user_id), '[]'),
    'auditLogs', coalesce((
      select jsonb_agg(to_jsonb(l) order by l.created_at) from app_public.audit_logs l where l.user_id = v_user_id), '[]'),
    'history', coalesce((
      select jsonb_agg(jsonb_build_object(
          'table', r.table_name, 'rowId', r.row_id, 'tenantId', r.tenant_id, 'action', r.action, 'createdAt', r.created_at,
          'isYours', r.user_id is not distinct from v_user_id,
          'snapshot', r.snapshot - '{invited_by_user_id}'::text[] || coalesce(r.personal -> 'snapshot', '{}'),
          'diff', r.diff - '{invited_by_user_id}'::text[] || coalesce(r.personal -> 'diff', '{}'),
          'ip', case when r.user_id = v_user_id then r.ip end,
          'userAgent', case when r.user_id = v_user_id then r.user_agent end)
        order by r.created_at, r.id)
      from audit.row_versions r where r.subject_id = v_user_id), '[]'))
  into v_export;
  return v_export;
end
$$;
comment on function app_public.export_user() is
  'Everything that is kept about the person of the request, as one JSON object: profile, settings, sessions, memberships, API keys, what they did and what was done to their data.';
alter function app_public.export_user() owner to app_system;
grant execute on function app_public.export_user() to app_user;
