-- Raises FH401 UNAUTHENTICATED, FH403 NOT_A_MEMBER or IP_NOT_ALLOWED, FH429 RATE_LIMITED or USAGE_LIMIT_REACHED.
create or replace function app_private.authenticate_api_key(token text, tenant text, ip inet) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_key record;
begin
  if authenticate_api_key.token !~ '^fh_live_[0-9a-f]{12}_[0-9a-f]{72}$'
    or right(authenticate_api_key.token, 8) <> app_private.token_checksum(left(authenticate_api_key.token, -8))
  then
    perform app_hidden.raise_error(401, 'UNAUTHENTICATED', 'The token is not valid');
  end if;

  select k.*, m.role as member_role, tn.slug into v_key
  from app_private.api_key_directory d
  join app_public.api_keys k on k.tenant_id = d.tenant_id and k.id = d.api_key_id
  join app_public.tenants tn on tn.id = k.tenant_id and tn.is_active and tn.deleted_at is null
  join app_public.users u on u.id = k.user_id and u.is_active and u.deleted_at is null
  join app_public.tenant_members m
    on m.tenant_id = k.tenant_id and m.user_id = k.user_id and m.invitation_status = 'joined'
  where d.key_hash = app_private.hash_token(authenticate_api_key.token)
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now())
    and (k.grace_expires_at is null or k.grace_expires_at > now());
  if not found then
    perform app_hidden.raise_error(401, 'UNAUTHENTICATED', 'The token is not valid');
  end if;
  if authenticate_api_key.tenant is not null
    and authenticate_api_key.tenant not in (v_key.tenant_id::text, v_key.slug)
  then
    perform app_hidden.raise_error(403, 'NOT_A_MEMBER', 'The key belongs to another tenant');
  end if;
  if v_key.allowed_ips is not null and not coalesce(authenticate_api_key.ip <<= any (v_key.allowed_ips), false) then
    perform app_hidden.raise_error(403, 'IP_NOT_ALLOWED', 'The key may not be used from this address');
  end if;
  if v_key.rate_limit_per_minute is not null and not app_private.take_rate_limit(
    'api_key', v_key.id::text, 60, v_key.rate_limit_per_minute)
  then
    perform app_hidden.raise_error(429, 'RATE_LIMITED', 'The key is used too often', '{"retryAfterSeconds": 60}');
  end if;

  if v_key.usage_limit is not null then
    update app_public.api_keys k set usage_count = k.usage_count + 1, last_used_at = now()
    where k.tenant_id = v_key.tenant_id and k.id = v_key.id and k.usage_count < k.usage_limit;
    if not found then
      perform app_hidden.raise_error(429, 'USAGE_LIMIT_REACHED', 'The key has been used as often as it may');
    end if;
  elsif v_key.last_used_at is null or v_key.last_used_at < now() - interval '1 minute' then
    update app_public.api_keys k set usage_count = k.usage_count + 1, last_used_at = now()
    where k.tenant_id = v_key.tenant_id and k.id = v_key.id;
    perform set_config('app.tenant_id', v_key.tenant_id::text, true), set_config('app.actor_type', 'api', true),
      set_config('app.api_key_id', v_key.id::text, true);
    perform app_private.log_audit_event(v_key.user_id, 'api_key.used', 'api_key', v_key.id);
  end if;

  return jsonb_build_object(
    'role', 'app_user', 'actor_type', 'api', 'user_id', v_key.user_id, 'api_key_id', v_key.id,
    'tenant_id', v_key.tenant_id,
    'member_role', least(v_key.member_role, app_private.scope_cap(v_key.scopes)),
    'scopes', array_to_string(v_key.scopes, ','),
    'permissions', case when v_key.permissions = '[]' then '' else v_key.permissions::text end,
    'project_id', coalesce(v_key.project_id::text, ''),
    'environment_id', coalesce(v_key.environment_id::text, ''),
    'expires_at', extract(epoch from least(v_key.expires_at, v_key.grace_expires_at)) * 1000,
    -- A cached answer would not be counted, and would outlive the key.
    'cacheable', v_key.usage_limit is null and v_key.rate_limit_per_minute is null and v_key.allowed_ips is null
      and v_key.expires_at is null and v_key.grace_expires_at is null);
end
$$;
comment on function app_private.authenticate_api_key(text, text, inet) is
  'Claims of an API key, and when it ends, in milliseconds since 1970: the lesser of its scope and the role of its '
  'owner, narrowed to its project and environment.';
alter function app_private.authenticate_api_key(text, text, inet) owner to app_system;
