-- What it returns may be the setting of a request that runs as app_user: to whoever reads it there it is noise, since
-- the key it is under lies in a table that app_system alone may read.
create or replace function app_private.wrap_keyring(ring jsonb) returns text
  language plpgsql volatile strict security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_wrapper app_private.wrapping_keys;
  v_iv      bytea := extensions.gen_random_bytes(16);
  v_body    bytea;
begin
  select * into strict v_wrapper from app_private.wrapping_keys w order by w.id desc limit 1;
  v_body := v_iv || extensions.encrypt_iv(
    convert_to(wrap_keyring.ring::text, 'utf8'), substr(v_wrapper.key, 33, 32), v_iv, 'aes-cbc/pad:pkcs');
  return v_wrapper.id || '.' || app_private.base64url(v_body)
    || '.' || app_private.base64url(extensions.hmac(v_body, substr(v_wrapper.key, 1, 32), 'sha256'));
end
$$;
comment on function app_private.wrap_keyring(jsonb) is
  'A key ring, {current, keys: {<id>: <base64>}}, as the setting app.keyring takes it: encrypted with a key that only '
  'this database has.';
alter function app_private.wrap_keyring(jsonb) owner to app_system;
grant execute on function app_private.wrap_keyring(jsonb) to freehold_authenticator, freehold_worker;
