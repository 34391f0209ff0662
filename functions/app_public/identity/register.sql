-- Raises FH400 PASSWORD_UNSUITABLE or NAME_UNSUITABLE before anything is counted; refuses with FH409 USERNAME_TAKEN,
-- FH429 RATE_LIMITED.
-- A taken address and a free one meet the same statements and the same answer; they differ in the words of the mail.
-- What is said of an account would be said of a stranger's, so there is none before the address is proved.
drop function if exists app_public.register(text, text, text, text);

create or replace function app_public.register(
  email text,
  password text,
  name text,
  username text default null
) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_email    app_public.email    := lower(trim(register.email));
  v_username app_public.username := lower(trim(register.username));
  v_name     text := coalesce(nullif(trim(register.name), ''), split_part(v_email, '@', 1));
  v_token    text := app_private.random_token('fh_mail_');
  v_is_taken boolean;
begin
  perform app_private.check_new_password(register.password);
  if length(v_name) > 255 or not pg_input_is_valid(v_name, 'app_hidden.line') then
    perform app_hidden.raise_error(400, 'NAME_UNSUITABLE', 'A name is one line of at most 255 characters');
  end if;
  if not app_private.take_rate_limit('register', app_private.current_origin(), 3600, 100) then
    return row(null, app_hidden.refusal(429, 'RATE_LIMITED', 'Too many accounts from this address',
      '{"retryAfterSeconds": 3600}'))::app_public.confirmation;
  end if;
  -- User names are public.
  if exists (select from app_public.users u where u.username = v_username and u.deleted_at is null) then
    return row(null, app_hidden.refusal(409, 'USERNAME_TAKEN', 'This user name is taken.'))::app_public.confirmation;
  end if;

  insert into app_private.registrations (token_hash, email, username, name, password_hash, expires_at)
  values (app_private.hash_token(v_token), v_email, v_username, v_name,
    app_private.hash_password(register.password), now() + interval '7 days');
  v_is_taken := exists (select from app_public.users u where u.email = v_email and u.deleted_at is null);
  -- Whoever is written to is not flooded, and whoever asks is not told.
  if app_private.take_rate_limit('register', v_email, 86400, 10) then
    perform app_private.send_email(
      case when v_is_taken then 'already_registered' else 'verify_email' end, v_email, v_token,
      jsonb_build_object('name', v_name));
  end if;
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.register(text, text, text, text) is
  'Asks for an account and mails the address a token: verify_email makes the account, and log in next. Answers alike '
  'for an address that has an account, whose owner is told by mail. Without a user name, one is made of the address.';
alter function app_public.register(text, text, text, text) owner to app_system;
grant execute on function app_public.register(text, text, text, text) to app_anonymous, app_user;
