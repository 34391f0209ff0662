-- Raises FH401 UNAUTHENTICATED, FH409 TOTP_ENABLED; refuses with FH401 INVALID_CREDENTIALS,
-- FH429 RATE_LIMITED.
create or replace function app_public.enable_totp(password text) returns app_public.totp_enrolment
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_seed    bytea := extensions.gen_random_bytes(20);
  v_result  app_public.totp_enrolment;
begin
  v_user_id := app_private.require_session();
  if exists (select from app_public.users u where u.id = v_user_id and u.two_factor_enabled) then
    perform app_hidden.raise_error(409, 'TOTP_ENABLED', 'Two-factor is on already; disable it first');
  end if;
  v_result.refusal := app_private.prove_identity(v_user_id, enable_totp.password, null, false);
  if v_result.refusal is not null then
    return v_result;
  end if;
  update app_private.user_secrets s
  set two_factor_secret = app_private.encrypt_secret(encode(v_seed, 'hex')),
    is_totp_confirmed = false, totp_last_step = 0
  where s.user_id = v_user_id;
  perform app_private.log_audit_event(v_user_id, 'user.totp_enrolled', 'user', v_user_id);
  v_result.secret := app_private.base32(v_seed);
  select 'otpauth://totp/Freehold:' || replace(u.email, '@', '%40') || '?secret=' || v_result.secret
    || '&issuer=Freehold&algorithm=SHA1&digits=6&period=30'
  into v_result.otpauth_url
  from app_public.users u where u.id = v_user_id;
  return v_result;
end
$$;
comment on function app_public.enable_totp(text) is
  'Makes a seed for an authenticator app. Nothing is asked at log-in until confirm_totp.';
alter function app_public.enable_totp(text) owner to app_system;
grant execute on function app_public.enable_totp(text) to app_user;
