-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED, FH404 USER_NOT_FOUND,
-- FH409 ALREADY_VERIFIED.
create or replace function app_private.resend_verification(person text) returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_user     app_public.users;
begin
  v_operator := app_private.require_operator();
  v_user := app_private.find_user(resend_verification.person);
  if v_user.email_verified_at is not null then
    perform app_hidden.raise_error(409, 'ALREADY_VERIFIED', 'The address was proved already');
  end if;
  perform app_private.send_user_token(v_user.id, 'verify_email', interval '7 days');
  perform app_private.log_operator_act(
    v_operator, 'operator.verification_resent', 'user', v_user.id, 'asked for by the person');
  return v_user;
end
$$;
comment on function app_private.resend_verification(text) is
  'Mails a person a new token to prove their address with; the earlier one stops working. Of an account that '
  'began before accounts began with a proved address; whoever has none yet registers again.';
alter function app_private.resend_verification(text) owner to app_system;
grant execute on function app_private.resend_verification(text) to app_operator;
