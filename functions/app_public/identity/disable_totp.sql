-- Raises FH401 UNAUTHENTICATED; refuses with FH401 INVALID_CREDENTIALS or CODE_REQUIRED, FH429 RATE_LIMITED.
create or replace function app_public.disable_totp(password text, code text) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_refusal jsonb;
begin
  v_user_id := app_private.require_session();
  v_refusal := app_private.prove_identity(v_user_id, disable_totp.password, disable_totp.code, true);
  if v_refusal is not null then
    return row(null, v_refusal)::app_public.confirmation;
  end if;
  update app_public.users u set two_factor_enabled = false where u.id = v_user_id;
  update app_private.user_secrets s
  set two_factor_secret = null, is_totp_confirmed = false, totp_last_step = 0, recovery_hashes = '{}'
  where s.user_id = v_user_id;
  perform app_private.log_audit_event(v_user_id, 'user.totp_disabled', 'user', v_user_id);
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.disable_totp(text, text) is
  'Turns two-factor off and forgets the seed and the recovery codes.';
alter function app_public.disable_totp(text, text) owner to app_system;
grant execute on function app_public.disable_totp(text, text) to app_user;
