create or replace function app_private.log_audit_event(
  user_id uuid,
  action text,
  resource_type text,
  resource_id uuid,
  details jsonb default '{}',
  ip inet default null,
  tenant_id uuid default null
) returns uuid
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into app_public.audit_logs (
    tenant_id, user_id, actor_type, api_key_id, action, resource_type, resource_id, details,
    ip_address, user_agent, request_id)
  values (
    coalesce(log_audit_event.tenant_id, app_hidden.current_tenant_id(), app_hidden.platform_tenant_id()),
    log_audit_event.user_id, app_hidden.current_actor_type(), app_hidden.current_api_key_id(),
    log_audit_event.action, log_audit_event.resource_type, log_audit_event.resource_id,
    coalesce(log_audit_event.details, '{}'), coalesce(log_audit_event.ip, app_hidden.current_ip()),
    app_hidden.current_user_agent(), app_hidden.current_request_id())
  returning id into v_id;
  return v_id;
end
$$;
comment on function app_private.log_audit_event(uuid, text, text, uuid, jsonb, inet, uuid) is
  'Appends to the audit log what somebody did beyond changing rows, in the tenant of the request unless another is '
  'named; returns the id of the entry.';
alter function app_private.log_audit_event(uuid, text, text, uuid, jsonb, inet, uuid) owner to app_system;

create or replace function app_private.log_audit_event(
  user_id text,
  action text,
  resource_type text,
  resource_id text,
  details jsonb,
  ip text
) returns uuid
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select app_private.log_audit_event(user_id::uuid, action, resource_type, resource_id::uuid, details, ip::inet)
$$;
comment on function app_private.log_audit_event(text, text, text, text, jsonb, text) is
  'The same for callers that hold ids and addresses as text.';
alter function app_private.log_audit_event(text, text, text, text, jsonb, text) owner to app_system;
