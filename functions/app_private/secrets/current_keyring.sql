-- Raises when the setting is not what wrap_keyring returned. Who calls this, however indirectly, is in the generated
-- NEEDS_KEYS, by which src/db/keys.ts knows the calls that are lent the ring.
create or replace function app_private.current_keyring() returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_setting text := nullif(current_setting('app.keyring', true), '');
  v_part    text[];
  v_key     bytea;
  v_body    bytea;
begin
  -- Connections of the release before have it open.
  if v_setting is null or v_setting like '{%' then
    return v_setting::jsonb;
  end if;
  v_part := string_to_array(v_setting, '.');
  select w.key into v_key from app_private.wrapping_keys w where w.id::text = v_part[1];
  v_body := app_private.base64url_decode(v_part[2]);
  if app_private.constant_time_equals(
    extensions.hmac(v_body, substr(v_key, 1, 32), 'sha256'), app_private.base64url_decode(v_part[3])) is not true
  then
    raise exception 'the key ring of this connection was not wrapped by this database';
  end if;
  return convert_from(extensions.decrypt_iv(
    substr(v_body, 17), substr(v_key, 33, 32), substr(v_body, 1, 16), 'aes-cbc/pad:pkcs'), 'utf8')::jsonb;
end
$$;
comment on function app_private.current_keyring() is
  'The key ring that this call was lent; null when it was lent none.';
alter function app_private.current_keyring() owner to app_system;
