-- Refuses with FH401 INVALID_CREDENTIALS or CODE_REQUIRED, FH429 RATE_LIMITED; see login_result.refusal.
-- It raises nothing, since that would undo the counts; and nobody can lock an account. Failures slow down the origin
-- they come from. Where an address was tried too often from everywhere, whoever has no device that is known shows a
-- code first, and without it no password is looked at.
drop function if exists app_public.login(text, text, text, jsonb);

create or replace function app_public.login(
  email text,
  password text,
  code text default null,
  device_info jsonb default '{}',
  device_token text default null
) returns app_public.login_result
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_email     text := lower(trim(login.email));
  v_code      text := nullif(trim(login.code), '');
  v_user      app_public.users;
  v_is_known  boolean;
  v_is_mailed boolean := false;
  v_is_proved boolean := false;
  v_wait      integer;
  v_result    app_public.login_result;
begin
  if not app_private.take_rate_limit('login', app_private.current_origin(), 60, 100) then
    v_result.refusal := app_hidden.refusal(429, 'RATE_LIMITED', 'Too many log-ins from this address',
      '{"retryAfterSeconds": 60}');
    return v_result;
  end if;
  select * into v_user
  from app_public.users u
  where u.email = v_email and u.is_active and u.deleted_at is null;

  v_is_known := app_private.is_known_device(v_user.id, login.device_token);
  if not v_is_known then
    v_wait := app_private.take_login_attempt(v_email);
    if v_wait is not null then
      v_result.refusal := app_hidden.refusal(429, 'RATE_LIMITED', 'Too many failed log-ins from this address',
        jsonb_build_object('retryAfterSeconds', v_wait));
      return v_result;
    end if;
    if not app_private.take_rate_limit('login_account', app_private.login_subject(v_email), 86400, 50) then
      if v_code is null then
        perform app_private.send_login_code(
          v_email, case when not v_user.two_factor_enabled then v_user.id end);
        perform app_private.give_back_login_attempt(v_email);
        v_result.refusal := app_hidden.refusal(401, 'CODE_REQUIRED',
          'A one-time code or a recovery code is needed; without two-factor, the code that was mailed');
        return v_result;
      elsif v_user.two_factor_enabled then
        v_is_proved := app_private.verify_totp_or_recovery_code(v_user.id, v_code);
      else
        v_is_mailed := exists (
          select from app_private.user_tokens t
          where t.token_hash = app_private.hash_token(v_code) and t.user_id = v_user.id
            and t.purpose = 'login_code' and t.used_at is null and t.expires_at > now());
      end if;
      if not coalesce(v_is_proved or v_is_mailed, false) then
        v_result.refusal := app_hidden.refusal(401, 'INVALID_CREDENTIALS',
          'The address, the password or the code is wrong');
      end if;
    end if;
  end if;

  if v_result.refusal is null and not app_private.is_password_of(v_user.id, login.password) then
    v_result.refusal := app_hidden.refusal(401, 'INVALID_CREDENTIALS',
      'The address, the password or the code is wrong');
  elsif v_result.refusal is null and v_user.two_factor_enabled and not v_is_proved then
    if v_code is null then
      -- The password was right: that is no failure.
      if v_is_known then
        perform app_private.give_back_rate_limit(
          'login_device', encode(app_private.hash_token(login.device_token), 'hex'), 900);
      else
        perform app_private.give_back_login_attempt(v_email);
      end if;
      v_result.refusal := app_hidden.refusal(401, 'CODE_REQUIRED', 'A one-time code or a recovery code is needed');
      return v_result;
    elsif not app_private.verify_totp_or_recovery_code(v_user.id, v_code) then
      v_result.refusal := app_hidden.refusal(401, 'INVALID_CREDENTIALS',
        'The address, the password or the code is wrong');
    end if;
  end if;
  if v_result.refusal is not null then
    perform app_private.log_audit_event(v_user.id, 'user.login_refused', 'user', v_user.id);
    return v_result;
  end if;

  -- From here on they are who they say.
  perform set_config('app.user_id', v_user.id::text, true);
  if v_is_known then
    perform app_private.give_back_rate_limit(
      'login_device', encode(app_private.hash_token(login.device_token), 'hex'), 900);
  else
    perform app_private.give_back_login_attempt(v_email);
    perform app_private.forgive_login_failures(v_email);
  end if;
  update app_private.user_tokens t set used_at = now()
  where t.user_id = v_user.id and t.purpose = 'login_code' and t.used_at is null;
  v_result.device_token := app_private.remember_device(v_user.id, login.device_token);
  v_result.token := app_private.random_token('fh_sess_');
  insert into app_public.sessions (user_id, device_info, ip_address, user_agent, expires_at)
  values (v_user.id, coalesce(login.device_info, '{}'), app_hidden.current_ip(),
    app_hidden.current_user_agent(), now() + interval '30 days')
  returning id, user_id, expires_at into v_result.session_id, v_result.user_id, v_result.expires_at;
  insert into app_private.session_tokens (token_hash, session_id)
  values (app_private.hash_token(v_result.token), v_result.session_id);
  perform app_private.log_audit_event(v_user.id, 'user.login', 'session', v_result.session_id);
  update app_public.users u set last_login_at = now() where u.id = v_user.id;
  return v_result;
end
$$;
comment on function app_public.login(text, text, text, jsonb, text) is
  'Opens a session for 30 days. Code is a one-time code or a recovery code with two-factor on; without it, the code '
  'that is mailed when an address was tried too often. Send the device_token of the last log-in. Unknown, wrong and '
  'not yet confirmed answer alike.';
alter function app_public.login(text, text, text, jsonb, text) owner to app_system;
grant execute on function app_public.login(text, text, text, jsonb, text) to app_anonymous, app_user;
