-- Raises FH400 GRACE_OUT_OF_RANGE or TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN, FH404 API_KEY_NOT_FOUND,
-- FH409 API_KEY_RETIRED.
create or replace function app_public.rotate_api_key(id uuid, grace interval default '24 hours')
  returns app_public.created_api_key
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_key     app_public.api_keys;
  v_created app_public.created_api_key;
begin
  v_key := app_private.require_api_key(rotate_api_key.id);
  if v_key.revoked_at is not null or v_key.grace_expires_at is not null then
    perform app_hidden.raise_error(409, 'API_KEY_RETIRED', 'The key was revoked or rotated already');
  end if;
  if v_key.user_id <> app_hidden.current_user_id() then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Only its owner can rotate a key; an admin can revoke it');
  end if;
  if rotate_api_key.grace is null
    or rotate_api_key.grace < interval '0' or rotate_api_key.grace > interval '30 days'
  then
    perform app_hidden.raise_error(400, 'GRACE_OUT_OF_RANGE', 'The grace interval is between nothing and 30 days');
  end if;
  update app_public.api_keys k set grace_expires_at = now() + rotate_api_key.grace
  where k.tenant_id = v_key.tenant_id and k.id = v_key.id;
  v_key.rotated_from_id := v_key.id;
  v_created := app_private.issue_api_key(v_key);
  perform app_private.log_audit_event(v_key.user_id, 'api_key.rotated', 'api_key', v_key.id,
    jsonb_build_object('successorId', v_created.api_key_id, 'graceExpiresAt', now() + rotate_api_key.grace));
  return v_created;
end
$$;
comment on function app_public.rotate_api_key(uuid, interval) is
  'Makes a successor with the same rights and returns it, this once; the old key works on for the grace interval.';
alter function app_public.rotate_api_key(uuid, interval) owner to app_system;
grant execute on function app_public.rotate_api_key(uuid, interval) to app_user;
