-- Raises FH401 UNAUTHENTICATED, FH404 USER_NOT_FOUND or MEMBER_NOT_FOUND, FH409 LAST_OWNER with the tenants,
-- FH429 RATE_LIMITED; refuses with FH401 INVALID_CREDENTIALS or CODE_REQUIRED, FH429 RATE_LIMITED.
create or replace function app_public.erase_user(password text, code text default null) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_address text;
  v_refusal jsonb;
begin
  v_user_id := app_private.require_session();
  v_refusal := app_private.prove_identity(v_user_id, erase_user.password, erase_user.code, true);
  if v_refusal is not null then
    return row(null, v_refusal)::app_public.confirmation;
  end if;
  -- Erasure forgets the counters of an address, and must not be the way around them. The address itself must not stay
  -- either.
  v_address := encode(extensions.hmac(convert_to(coalesce(host(app_hidden.current_ip()), 'unknown'), 'utf8'),
    app_private.derive_key(app_private.current_keyring() ->> 'current'), 'sha256'), 'hex');
  if not app_private.take_rate_limit('erase', v_address, 3600, 5) then
    perform app_hidden.raise_error(429, 'RATE_LIMITED', 'Too many accounts were erased from this address',
      '{"retryAfterSeconds": 3600}');
  end if;
  perform app_private.erase_person(v_user_id);
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.erase_user(text, text) is
  'Destroys the personal data of the person of the request everywhere, history included, and closes the account. Not '
  'to be undone. Take export_user first.';
alter function app_public.erase_user(text, text) owner to app_system;
grant execute on function app_public.erase_user(text, text) to app_user;
