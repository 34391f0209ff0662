-- Raises when the pool that opened the connection was given no key ring, or not this key.
create or replace function app_private.derive_key(key_id text) returns bytea
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_ring jsonb;
  v_key  text;
begin
  v_ring := nullif(current_setting('app.keyring', true), '')::jsonb;
  v_key  := v_ring -> 'keys' ->> derive_key.key_id;
  if v_key is null then
    raise exception 'the key ring of this connection has no key %', coalesce(derive_key.key_id, '(none)');
  end if;
  -- The master key never encrypts by itself: 64 bytes are derived, half to authenticate, half to encrypt. The label
  -- is part of the key: every secret that was ever stored hangs on it.
  return extensions.hmac('freehold seal 1'::bytea, decode(v_key, 'base64'), 'sha512');
end
$$;
comment on function app_private.derive_key(text) is
  '64 bytes of key material, derived from one master key of the ring.';
alter function app_private.derive_key(text) owner to app_system;
