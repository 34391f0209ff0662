-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN, FH404 API_KEY_NOT_FOUND.
create or replace function app_private.require_api_key(id uuid) returns app_public.api_keys
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_key       app_public.api_keys;
begin
  perform app_private.require_session();
  v_tenant_id := app_private.require_role('billing', 'api_keys:write');
  select * into v_key
  from app_public.api_keys k
  where k.tenant_id = v_tenant_id and k.id = require_api_key.id
    and (k.user_id = app_hidden.current_user_id() or app_hidden.has_role('admin'))
  for no key update;
  if v_key.id is null then
    perform app_hidden.raise_error(404, 'API_KEY_NOT_FOUND', 'No such API key');
  end if;
  return v_key;
end
$$;
comment on function app_private.require_api_key(uuid) is
  'A key of the person of the request, or any for an admin, locked.';
alter function app_private.require_api_key(uuid) owner to app_system;
