-- Raises FH401 UNAUTHENTICATED, FH403 NOT_A_MEMBER or MFA_REQUIRED.
create or replace function app_private.authenticate_session(token text, tenant text) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_session   record;
  v_tenant_id uuid;
  v_role      app_public.member_role;
  v_settings  jsonb;
  v_asked_id  uuid;
  v_operates  boolean := false;
begin
  select s.id, s.user_id, s.expires_at, s.last_seen_at, s.tenant_id, u.two_factor_enabled, us.default_tenant_id
  into v_session
  from app_private.session_tokens t
  join app_public.sessions s on s.id = t.session_id
  join app_public.users u on u.id = s.user_id
  left join app_public.user_settings us on us.user_id = u.id
  where t.token_hash = app_private.hash_token(authenticate_session.token)
    and s.revoked_at is null and s.expires_at > now() and u.is_active and u.deleted_at is null;
  if not found then
    perform app_hidden.raise_error(401, 'UNAUTHENTICATED', 'The token is not valid');
  end if;

  -- Not a case inside the query: its planner would cast a slug to uuid before it asks whether it may.
  if authenticate_session.tenant is null then
    v_tenant_id := v_session.default_tenant_id;
  elsif pg_input_is_valid(authenticate_session.tenant, 'uuid') then
    v_tenant_id := authenticate_session.tenant::uuid;
  else
    v_tenant_id := (
      select tn.id from app_public.tenants tn
      where tn.slug = lower(authenticate_session.tenant) and tn.deleted_at is null);
  end if;

  v_asked_id := v_tenant_id;
  if authenticate_session.tenant is not null or v_tenant_id is not null then
    select m.tenant_id, m.role, tn.settings into v_tenant_id, v_role, v_settings
    from app_public.tenants tn
    join app_public.tenant_members m on m.tenant_id = tn.id and m.user_id = v_session.user_id
    where tn.id = v_tenant_id
      and m.invitation_status = 'joined' and tn.is_active and tn.deleted_at is null;
    if not found and authenticate_session.tenant is not null then
      v_operates := app_private.admit_operator(v_session.user_id, v_asked_id);
      if not v_operates then
        perform app_hidden.raise_error(403, 'NOT_A_MEMBER', 'You are not a member of that tenant');
      end if;
      v_tenant_id := v_asked_id;
      v_role := 'viewer';
    end if;
    if v_settings -> 'enforce_mfa' = 'true' and not v_session.two_factor_enabled then
      if authenticate_session.tenant is not null then
        perform app_hidden.raise_error(403, 'MFA_REQUIRED', 'The tenant asks for a second factor; enable it first');
      end if;
      v_tenant_id := null;
      v_role := null;
    end if;
  end if;

  if v_session.last_seen_at < now() - interval '1 minute' or v_session.tenant_id is distinct from v_tenant_id then
    update app_public.sessions s set last_seen_at = now(), tenant_id = v_tenant_id where s.id = v_session.id;
  end if;

  return jsonb_build_object(
    'role', 'app_user', 'user_id', v_session.user_id, 'session_id', v_session.id,
    'tenant_id', coalesce(v_tenant_id::text, ''), 'member_role', coalesce(v_role::text, ''),
    'expires_at', extract(epoch from v_session.expires_at) * 1000)
    -- An operator writes nothing: no permission that a function asks for is among these. Each request is seen here.
    || case when v_operates then '{"permissions": "[\"operator\"]", "cacheable": false}' else '{}' end::jsonb;
end
$$;
comment on function app_private.authenticate_session(text, text) is
  'Claims of a session token, and when it ends, in milliseconds since 1970; tenant is a slug or an id, null means the '
  'default tenant of the person.';
alter function app_private.authenticate_session(text, text) owner to app_system;
