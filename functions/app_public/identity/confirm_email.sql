-- Raises FH404 TOKEN_NOT_VALID, 23505 when another account has taken the address.
create or replace function app_public.confirm_email(token text) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  v_user_id := app_private.redeem_user_token(confirm_email.token, 'change_email');
  update app_public.users u set email = t.email, email_verified_at = now()
  from app_private.user_tokens t
  where u.id = v_user_id and u.deleted_at is null and t.token_hash = app_private.hash_token(confirm_email.token);
  -- What was mailed to the old address must not open the account any more.
  update app_private.user_tokens t set used_at = now() where t.user_id = v_user_id and t.used_at is null;
  perform app_private.log_audit_event(v_user_id, 'user.email_changed', 'user', v_user_id);
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.confirm_email(text) is
  'Proves the new address of an account with the token that was mailed to it; from then on it is the address of the '
  'account.';
alter function app_public.confirm_email(text) owner to app_system;
grant execute on function app_public.confirm_email(text) to app_anonymous, app_user;
