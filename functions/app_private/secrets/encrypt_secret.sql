-- CBC with HMAC and not GCM: pgcrypto has no GCM, and the database itself must check codes and signatures.
-- Both are authenticated; any JOSE library decrypts what this writes.
create or replace function app_private.encrypt_secret(plaintext text) returns text
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_kid  text;
  v_key  bytea;
  v_head text;
  v_iv   bytea;
  v_body bytea;
  v_tag  bytea;
begin
  v_kid  := app_private.current_keyring() ->> 'current';
  v_key  := app_private.derive_key(v_kid);
  v_head := app_private.base64url(convert_to(
    json_build_object('alg', 'dir', 'enc', 'A256CBC-HS512', 'kid', v_kid)::text, 'utf8'));
  v_iv   := extensions.gen_random_bytes(16);
  v_body := extensions.encrypt_iv(
    convert_to(encrypt_secret.plaintext, 'utf8'), substr(v_key, 33, 32), v_iv, 'aes-cbc/pad:pkcs');
  v_tag  := substr(extensions.hmac(
    v_head::bytea || v_iv || v_body || int8send(length(v_head) * 8), substr(v_key, 1, 32), 'sha512'), 1, 32);
  return v_head || '..' || app_private.base64url(v_iv) || '.' || app_private.base64url(v_body)
    || '.' || app_private.base64url(v_tag);
end
$$;
comment on function app_private.encrypt_secret(text) is
  'Encrypts a secret with the current key of the ring, as a compact JWE that names its key (RFC 7516, dir, '
  'A256CBC-HS512 of RFC 7518, 5.2.5).';
alter function app_private.encrypt_secret(text) owner to app_system;
