-- Raises FH404 TOKEN_NOT_VALID.
create or replace function app_public.verify_email(token text) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  if app_private.open_account(verify_email.token) is null then
    v_user_id := app_private.redeem_user_token(verify_email.token, 'verify_email');
    update app_public.users u set email_verified_at = coalesce(u.email_verified_at, now()) where u.id = v_user_id;
  end if;
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.verify_email(text) is
  'Proves an address with the token that was mailed to it; of a registration it makes an account.';
alter function app_public.verify_email(text) owner to app_system;
grant execute on function app_public.verify_email(text) to app_anonymous, app_user;
