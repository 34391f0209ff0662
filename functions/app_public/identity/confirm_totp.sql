-- Raises FH401 UNAUTHENTICATED, FH409 TOTP_ENABLED, FH422 CODE_NOT_VALID.
create or replace function app_public.confirm_totp(code text) returns text[]
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_codes   text[];
begin
  v_user_id := app_private.require_session();
  if exists (select from app_public.users u where u.id = v_user_id and u.two_factor_enabled) then
    perform app_hidden.raise_error(409, 'TOTP_ENABLED', 'Two-factor is on already');
  end if;
  if confirm_totp.code !~ '^[0-9]{6}$'
    or not app_private.verify_totp_or_recovery_code(v_user_id, confirm_totp.code)
  then
    perform app_hidden.raise_error(422, 'CODE_NOT_VALID', 'The code is wrong; enable_totp comes first');
  end if;
  select array_agg(substr(c, 1, 5) || '-' || substr(c, 6, 5)) into v_codes
  from (select substr(encode(extensions.gen_random_bytes(5), 'hex'), 1, 10) as c from generate_series(1, 10)) g;
  update app_private.user_secrets s
  set is_totp_confirmed = true,
    recovery_hashes = (select array_agg(app_private.hash_token(replace(c, '-', ''))) from unnest(v_codes) c)
  where s.user_id = v_user_id;
  update app_public.users u set two_factor_enabled = true where u.id = v_user_id;
  perform app_private.log_audit_event(v_user_id, 'user.totp_enabled', 'user', v_user_id);
  return v_codes;
end
$$;
comment on function app_public.confirm_totp(text) is
  'Turns two-factor on with a code of the app; returns ten recovery codes, shown this once, each good for one log-in.';
alter function app_public.confirm_totp(text) owner to app_system;
grant execute on function app_public.confirm_totp(text) to app_user;
