-- Raises FH401 UNAUTHENTICATED, FH403 REAUTHENTICATION_REQUIRED, FH409 TOTP_ENABLED; refuses with FH422
-- CODE_NOT_VALID, FH429 RATE_LIMITED.
drop function if exists app_public.confirm_totp(text);

create or replace function app_public.confirm_totp(code text) returns app_public.totp_confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_codes   text[];
begin
  v_user_id := app_private.require_recent_authentication();
  if exists (select from app_public.users u where u.id = v_user_id and u.two_factor_enabled) then
    perform app_hidden.raise_error(409, 'TOTP_ENABLED', 'Two-factor is on already');
  end if;
  if not app_private.take_rate_limit('totp', v_user_id::text, 900, 10) then
    return row(null, app_hidden.refusal(429, 'RATE_LIMITED', 'Too many wrong codes',
      '{"retryAfterSeconds": 900}'))::app_public.totp_confirmation;
  end if;
  if confirm_totp.code !~ '^[0-9]{6}$'
    or not app_private.verify_totp_or_recovery_code(v_user_id, confirm_totp.code)
  then
    return row(null, app_hidden.refusal(422, 'CODE_NOT_VALID',
      'The code is wrong; enable_totp comes first'))::app_public.totp_confirmation;
  end if;
  perform app_private.give_back_rate_limit('totp', v_user_id::text, 900);
  -- 80 bits each, as four groups of five hex digits. Dashes and case do not matter when one is typed, so shorter ones
  -- of before work until they are replaced.
  select array_agg(trim(trailing '-' from regexp_replace(c, '(.{5})', '\1-', 'g'))) into v_codes
  from (select encode(extensions.gen_random_bytes(10), 'hex') as c from generate_series(1, 10)) g;
  update app_private.user_secrets s
  set is_totp_confirmed = true,
    recovery_hashes = (select array_agg(app_private.hash_token(replace(c, '-', ''))) from unnest(v_codes) c)
  where s.user_id = v_user_id;
  update app_public.users u set two_factor_enabled = true where u.id = v_user_id;
  perform app_private.log_audit_event(v_user_id, 'user.totp_enabled', 'user', v_user_id);
  return row(v_codes, null)::app_public.totp_confirmation;
end
$$;
comment on function app_public.confirm_totp(text) is
  'Turns two-factor on with a code of the app. Ten wrong codes in a quarter of an hour at most.';
alter function app_public.confirm_totp(text) owner to app_system;
grant execute on function app_public.confirm_totp(text) to app_user;
