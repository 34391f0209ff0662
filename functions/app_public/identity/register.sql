-- Raises FH400 PASSWORD_UNSUITABLE, 23505 when the address or the user name is taken, FH429 RATE_LIMITED.
create or replace function app_public.register(
  email text,
  password text,
  name text,
  username text default null
) returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_email    text;
  v_username text;
  v_user     app_public.users;
begin
  perform app_private.check_new_password(register.password);
  if not app_private.take_rate_limit('register', coalesce(host(app_hidden.current_ip()), 'unknown'), 3600, 100) then
    perform app_hidden.raise_error(429, 'RATE_LIMITED', 'Too many accounts from this address',
      '{"retryAfterSeconds": 3600}');
  end if;
  v_email := lower(trim(register.email));
  v_username := coalesce(lower(register.username), app_private.free_username(v_email));

  insert into app_public.users (email, username, name)
  values (v_email, v_username, coalesce(nullif(trim(register.name), ''), split_part(v_email, '@', 1)))
  returning * into v_user;
  perform set_config('app.user_id', v_user.id::text, true);
  insert into app_public.user_settings (user_id) values (v_user.id);
  insert into app_private.user_secrets (user_id, password_hash)
  values (v_user.id, app_private.hash_password(register.password));
  perform app_private.send_user_token(v_user.id, 'verify_email', interval '7 days');
  return v_user;
end
$$;
comment on function app_public.register(text, text, text, text) is
  'Opens an account and mails a token to prove the address with. Log in next.';
alter function app_public.register(text, text, text, text) owner to app_system;
grant execute on function app_public.register(text, text, text, text) to app_anonymous, app_user;
