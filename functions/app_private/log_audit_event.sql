create or replace function app_private.log_audit_event(
  user_id uuid,
  action text,
  resource_type text,
  resource_id uuid,
  details jsonb default '{}',
  ip inet default null
) returns uuid
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into app_public.audit_logs (
    tenant_id, user_id, actor_type, api_key_id, action, resource_type, resource_id, details, ip_address, user_agent, request_id)
  values (
    coalesce(app_hidden.current_tenant_id(), '00000000-0000-0000-0000-000000000000'),
    log_audit_event.user_id, app_hidden.current_actor_type(), app_hidden.current_api_key_id(),
    log_audit_event.action, log_audit_event.resource_type, log_audit_event.resource_id,
    coalesce(log_audit_event.details, '{}'), coalesce(log_audit_event.ip, app_hidden.current_ip()),
    nullif(current_setting('app.user_agent', true), ''), app_hidden.current_request_id())
  returning id into v_id;
  return v_id;
end
$$;
comment on function app_private.log_audit_event(uuid, text, text, uuid, jsonb, inet) is 'Appends to the audit log what somebody did beyond changing rows; returns the id of the entry.';
alter function app_private.log_audit_event(uuid, text, text, uuid, jsonb, inet) owner to app_system;
