-- Raises FH401 UNAUTHENTICATED, FH403 IP_NOT_ALLOWED, MFA_REQUIRED or NOT_A_MEMBER,
-- FH429 RATE_LIMITED or USAGE_LIMIT_REACHED.
-- FH401 says that the token does not work, FH403 that it does but not here, FH429 that the key is used too often.
create or replace function app_private.authenticate(
  token text,
  tenant text,
  ip inet,
  user_agent text,
  request_id text
) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_claims jsonb;
  v_hidden uuid[];
  v_ranks  jsonb;
begin
  -- For what authentication itself writes down.
  perform set_config('app.ip', coalesce(host(authenticate.ip), ''), true),
    set_config('app.user_agent', coalesce(authenticate.user_agent, ''), true),
    set_config('app.request_id', coalesce(authenticate.request_id, ''), true);
  v_claims := jsonb_build_object(
    'role', 'app_anonymous', 'ip', coalesce(host(authenticate.ip), ''),
    'user_agent', coalesce(authenticate.user_agent, ''), 'request_id', coalesce(authenticate.request_id, ''),
    'actor_type', 'user', 'cacheable', true);
  if authenticate.token is null then
    return v_claims;
  elsif authenticate.token like 'fh\_live\_%' then
    v_claims := v_claims || app_private.authenticate_api_key(authenticate.token, authenticate.tenant, authenticate.ip);
  else
    v_claims := v_claims || app_private.authenticate_session(authenticate.token, authenticate.tenant);
  end if;
  if v_claims ->> 'tenant_id' = '' then
    return v_claims;
  end if;

  perform set_config('app.tenant_id', v_claims ->> 'tenant_id', true),
    set_config('app.user_id', v_claims ->> 'user_id', true),
    set_config('app.member_role', v_claims ->> 'member_role', true),
    set_config('app.scopes', coalesce(v_claims ->> 'scopes', ''), true);
  v_hidden := app_hidden.find_hidden_project_ids();
  if cardinality(v_hidden) <= 100 then
    v_claims := v_claims || jsonb_build_object('hidden_project_ids', v_hidden::text);
  end if;
  v_ranks := app_hidden.find_project_ranks();
  if (select count(*) from jsonb_object_keys(v_ranks)) <= 100 then
    v_claims := v_claims || jsonb_build_object('project_ranks', v_ranks::text);
  end if;
  return v_claims;
end
$$;
comment on function app_private.authenticate(text, text, inet, text, text) is
  'Turns what a request presents into its claims: settings app.* without the prefix, the role, and whether the '
  'answer may be cached.';
alter function app_private.authenticate(text, text, inet, text, text) owner to app_system;
grant execute on function app_private.authenticate(text, text, inet, text, text) to freehold_authenticator;
