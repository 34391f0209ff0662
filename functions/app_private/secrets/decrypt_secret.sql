-- Raises when the key is not in the ring or the value was altered.
create or replace function app_private.decrypt_secret(encrypted text) returns text
  language plpgsql volatile strict security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_part text[] := string_to_array(decrypt_secret.encrypted, '.');
  v_head jsonb;
  v_key  bytea;
  v_iv   bytea;
  v_body bytea;
  v_tag  bytea;
begin
  v_head := convert_from(app_private.base64url_decode(v_part[1]), 'utf8')::jsonb;
  v_key  := app_private.derive_key(v_head ->> 'kid');
  v_iv   := app_private.base64url_decode(v_part[3]);
  v_body := app_private.base64url_decode(v_part[4]);
  v_tag  := substr(extensions.hmac(
    v_part[1]::bytea || v_iv || v_body || int8send(length(v_part[1]) * 8), substr(v_key, 1, 32), 'sha512'), 1, 32);
  -- Null, when there is no tag at all, is no proof either.
  if app_private.constant_time_equals(v_tag, app_private.base64url_decode(v_part[5])) is not true then
    raise exception 'an encrypted value was altered';
  end if;
  return convert_from(extensions.decrypt_iv(v_body, substr(v_key, 33, 32), v_iv, 'aes-cbc/pad:pkcs'), 'utf8');
end
$$;
comment on function app_private.decrypt_secret(text) is 'Decrypts what encrypt_secret wrote; null stays null.';
alter function app_private.decrypt_secret(text) owner to app_system;
grant execute on function app_private.decrypt_secret(text) to freehold_worker;
