-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED, FH404 USER_NOT_FOUND,
-- FH409 EMAIL_TAKEN, FH422 REASON_REQUIRED.
create or replace function app_private.change_user_email(person text, email text, reason text) returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_user     app_public.users;
  v_email    app_public.email;
  v_token    text := app_private.random_token('fh_mail_');
begin
  v_operator := app_private.require_operator();
  perform app_private.require_reason(change_user_email.reason);
  v_user := app_private.find_user(change_user_email.person);
  v_email := lower(trim(change_user_email.email));
  if exists (select from app_public.users u where u.email = v_email and u.deleted_at is null) then
    perform app_hidden.raise_error(409, 'EMAIL_TAKEN', 'An account has that address');
  end if;
  update app_private.user_tokens t set used_at = now()
  where t.user_id = v_user.id and t.purpose = 'change_email' and t.used_at is null;
  insert into app_private.user_tokens (token_hash, user_id, purpose, email, expires_at)
  values (app_private.hash_token(v_token), v_user.id, 'change_email', v_email, now() + interval '1 day');
  perform app_private.send_email(
    'change_email', v_email, v_token, jsonb_build_object('name', v_user.name), user_id => v_user.id);
  perform app_private.send_email('email_changing', v_user.email, app_private.random_token('fh_none_'),
    jsonb_build_object('name', v_user.name, 'reason', change_user_email.reason), user_id => v_user.id);
  perform app_private.log_operator_act(
    v_operator, 'operator.email_change_requested', 'user', v_user.id, change_user_email.reason);
  return v_user;
end
$$;
comment on function app_private.change_user_email(text, text, text) is
  'Mails a token to the new address of a person, good for a day, and a notice to the old one. The address changes when '
  'the token is redeemed by confirm_email, and not before.';
alter function app_private.change_user_email(text, text, text) owner to app_system;
grant execute on function app_private.change_user_email(text, text, text) to app_operator;
