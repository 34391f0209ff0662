-- Refuses with FH401 INVALID_CREDENTIALS or CODE_REQUIRED, FH429 RATE_LIMITED; see login_result.refusal.
create or replace function app_public.login(
  email text,
  password text,
  code text default null,
  device_info jsonb default '{}'
) returns app_public.login_result
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_address text := coalesce(host(app_hidden.current_ip()), 'unknown');
  v_user_id uuid;
  v_result  app_public.login_result;
begin
  if not app_private.take_rate_limit('login', v_address, 60, 100) then
    v_result.refusal :=
      '{"sqlstate": "FH429", "code": "RATE_LIMITED", '
      '"message": "Too many log-ins from this address", "retryAfterSeconds": 60}';
    return v_result;
  end if;
  if app_private.rate_limit_count('login_failure', v_address, 900) >= 30 then
    v_result.refusal :=
      '{"sqlstate": "FH429", "code": "RATE_LIMITED", '
      '"message": "Too many failed log-ins from this address", "retryAfterSeconds": 900}';
    return v_result;
  end if;

  select u.id into v_user_id
  from app_public.users u
  where u.email = lower(trim(login.email)) and u.is_active and u.deleted_at is null;
  v_result.refusal := app_private.prove_identity(v_user_id, login.password, login.code, true);
  if v_result.refusal is not null then
    if v_result.refusal ->> 'code' = 'INVALID_CREDENTIALS' then
      perform app_private.take_rate_limit('login_failure', v_address, 900, 30);
      perform app_private.log_audit_event(v_user_id, 'user.login_refused', 'user', v_user_id);
    end if;
    return v_result;
  end if;

  -- From here on they are who they say.
  perform set_config('app.user_id', v_user_id::text, true);
  v_result.token := app_private.random_token('fh_sess_');
  insert into app_public.sessions (user_id, device_info, ip_address, user_agent, expires_at)
  values (v_user_id, coalesce(login.device_info, '{}'), app_hidden.current_ip(),
    app_hidden.current_user_agent(), now() + interval '30 days')
  returning id, user_id, expires_at into v_result.session_id, v_result.user_id, v_result.expires_at;
  insert into app_private.session_tokens (token_hash, session_id)
  values (app_private.hash_token(v_result.token), v_result.session_id);
  perform app_private.log_audit_event(v_user_id, 'user.login', 'session', v_result.session_id);
  update app_public.users u set last_login_at = now() where u.id = v_user_id;
  return v_result;
end
$$;
comment on function app_public.login(text, text, text, jsonb) is
  'Opens a session for 30 days. With two-factor on, code is a one-time code or a recovery code. Unknown, wrong and '
  'locked answer alike.';
alter function app_public.login(text, text, text, jsonb) owner to app_system;
grant execute on function app_public.login(text, text, text, jsonb) to app_anonymous, app_user;
