-- Raises when the call was lent no key ring, or one without this key.
create or replace function app_private.derive_key(key_id text) returns bytea
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  v_key := app_private.current_keyring() -> 'keys' ->> derive_key.key_id;
  if v_key is null then
    raise exception 'the key ring of this call has no key %', coalesce(derive_key.key_id, '(none)');
  end if;
  -- The master key never encrypts by itself: 64 bytes are derived, half to authenticate, half to encrypt. The label
  -- is part of the key: every secret that was ever stored hangs on it.
  return extensions.hmac('freehold seal 1'::bytea, decode(v_key, 'base64'), 'sha512');
end
$$;
comment on function app_private.derive_key(text) is
  '64 bytes of key material, derived from one master key of the ring.';
alter function app_private.derive_key(text) owner to app_system;
