-- For the API, after the refused transaction is gone: what it did is undone, that somebody tried is not.
-- At most ten a minute for each key or person, or address where nobody was proved to be anyone.
create or replace function app_private.log_refusal(claims jsonb, code text, status integer) returns boolean
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if not app_private.take_rate_limit('refusal',
    coalesce(
      nullif(claims ->> 'api_key_id', ''), nullif(claims ->> 'user_id', ''), nullif(claims ->> 'ip', ''), 'unknown'),
    60, 10)
  then
    return false;
  end if;
  insert into app_public.audit_logs (
    tenant_id, user_id, actor_type, api_key_id, action, details, ip_address, user_agent, request_id, response_code)
  values (
    coalesce(nullif(claims ->> 'tenant_id', '')::uuid, app_hidden.platform_tenant_id()),
    nullif(claims ->> 'user_id', '')::uuid,
    coalesce(nullif(claims ->> 'actor_type', ''), 'user')::app_public.actor_type,
    nullif(claims ->> 'api_key_id', '')::uuid, 'request.refused', jsonb_build_object('code', log_refusal.code),
    nullif(claims ->> 'ip', '')::inet, nullif(claims ->> 'user_agent', ''), nullif(claims ->> 'request_id', ''),
    log_refusal.status);
  return true;
end
$$;
comment on function app_private.log_refusal(jsonb, text, integer) is
  'Appends to the audit log that a request was refused; false when there were too many to write down.';
alter function app_private.log_refusal(jsonb, text, integer) owner to app_system;
grant execute on function app_private.log_refusal(jsonb, text, integer) to freehold_authenticator;
