-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN, FH404 API_KEY_NOT_FOUND.
create or replace function app_public.revoke_api_key(id uuid) returns app_public.api_keys
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
begin
  v_key := app_private.require_api_key(revoke_api_key.id);
  if v_key.revoked_at is null then
    perform app_private.log_audit_event(app_hidden.current_user_id(), 'api_key.revoked', 'api_key', v_key.id,
      jsonb_build_object('ownerId', v_key.user_id));
  end if;
  update app_public.api_keys k set revoked_at = coalesce(k.revoked_at, now())
  where k.tenant_id = v_key.tenant_id and k.id = v_key.id
  returning * into v_key;
  return v_key;
end
$$;
comment on function app_public.revoke_api_key(uuid) is 'Ends a key, at once.';
alter function app_public.revoke_api_key(uuid) owner to app_system;
grant execute on function app_public.revoke_api_key(uuid) to app_user;
