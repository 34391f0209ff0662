-- Raises FH400 TENANT_REQUIRED or EXPIRY_IN_THE_PAST, FH401 UNAUTHENTICATED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND.
create or replace function app_public.create_api_key(
  name text,
  scopes app_public.api_scope[] default '{read}',
  expires_at timestamptz default null,
  project_id uuid default null,
  environment_id uuid default null,
  allowed_ips inet[] default null,
  usage_limit bigint default null,
  rate_limit_per_minute integer default null,
  permissions jsonb default '[]'
) returns app_public.created_api_key
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_key     app_public.api_keys;
  v_rank    app_public.member_role;
  v_created app_public.created_api_key;
begin
  -- Null is as if nothing were said.
  create_api_key.scopes := coalesce(create_api_key.scopes, '{read}');
  create_api_key.permissions := coalesce(create_api_key.permissions, '[]');
  v_key.user_id := app_private.require_session();
  v_key.tenant_id := app_private.require_role('viewer', 'api_keys:write');
  if create_api_key.project_id is not null then
    perform app_private.require_project(create_api_key.project_id, 'viewer', 'api_keys:write', is_whole => false);
  end if;
  -- Narrowed to a project, it has the rank there.
  v_rank := case when create_api_key.project_id is null then app_hidden.current_member_role()
    else app_hidden.project_rank(create_api_key.project_id) end;
  if app_private.scope_cap(create_api_key.scopes) > v_rank then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'A key can not do more than you can',
      jsonb_build_object('role', v_rank));
  end if;
  if create_api_key.expires_at <= now() then
    perform app_hidden.raise_error(400, 'EXPIRY_IN_THE_PAST', 'The key would have expired already');
  end if;
  v_key.name := trim(create_api_key.name);
  v_key.scopes := create_api_key.scopes;
  v_key.permissions := create_api_key.permissions;
  v_key.project_id := create_api_key.project_id;
  v_key.environment_id := create_api_key.environment_id;
  v_key.allowed_ips := create_api_key.allowed_ips;
  v_key.usage_limit := create_api_key.usage_limit;
  v_key.rate_limit_per_minute := create_api_key.rate_limit_per_minute;
  v_key.expires_at := create_api_key.expires_at;
  v_created := app_private.issue_api_key(v_key);
  perform app_private.log_audit_event(v_key.user_id, 'api_key.created', 'api_key', v_created.api_key_id,
    jsonb_build_object('prefix', v_created.key_prefix, 'scopes', v_key.scopes));
  return v_created;
end
$$;
comment on function
  app_public.create_api_key(text, app_public.api_scope[], timestamptz, uuid, uuid, inet[], bigint, integer, jsonb) is
  'Makes an API key of the person of the request and returns it, this once.';
alter function
  app_public.create_api_key(text, app_public.api_scope[], timestamptz, uuid, uuid, inet[], bigint, integer, jsonb)
  owner to app_system;
grant execute on function
  app_public.create_api_key(text, app_public.api_scope[], timestamptz, uuid, uuid, inet[], bigint, integer, jsonb)
  to app_user;
