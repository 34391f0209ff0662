create or replace function app_private.admit_operator(user_id uuid, tenant_id uuid) returns boolean
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_grant_id uuid;
  v_name     text;
begin
  select g.id, u.name into v_grant_id, v_name
  from app_public.operator_grants g
  join app_public.users u on u.id = g.operator_id
  join app_public.tenants t on t.id = g.tenant_id
  where g.operator_id = admit_operator.user_id and g.tenant_id = admit_operator.tenant_id
    and g.revoked_at is null and g.expires_at > now()
    and u.role = 'admin' and u.is_active and u.deleted_at is null and u.two_factor_enabled
    and t.is_active and t.deleted_at is null
  limit 1;
  if v_grant_id is null then
    return false;
  end if;
  perform app_private.log_audit_event(admit_operator.user_id, 'operator.request', 'operator_grant', v_grant_id,
    jsonb_build_object('operator', v_name), tenant_id => admit_operator.tenant_id);
  return true;
end
$$;
comment on function app_private.admit_operator(uuid, uuid) is
  'Whether an operator took the leave of an owner of the tenant and still has it; each yes is written down there.';
alter function app_private.admit_operator(uuid, uuid) owner to app_system;
