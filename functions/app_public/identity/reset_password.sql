-- Raises FH400 PASSWORD_UNSUITABLE, FH404 TOKEN_NOT_VALID.
create or replace function app_public.reset_password(token text, new_password text) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  perform app_private.check_new_password(reset_password.new_password);
  v_user_id := app_private.redeem_user_token(reset_password.token, 'reset_password');
  update app_private.user_secrets s
  set password_hash = app_private.hash_password(reset_password.new_password), password_changed_at = now()
  where s.user_id = v_user_id;
  -- Whoever can read the mail has proved the address, and whoever else was logged in is not any more.
  update app_public.users u set email_verified_at = coalesce(u.email_verified_at, now()) where u.id = v_user_id;
  update app_public.sessions s set revoked_at = now() where s.user_id = v_user_id and s.revoked_at is null;
  delete from app_private.device_tokens d where d.user_id = v_user_id;
  perform app_private.forgive_login_failures(u.email) from app_public.users u where u.id = v_user_id;
  perform app_private.log_audit_event(v_user_id, 'user.password_reset', 'user', v_user_id);
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.reset_password(text, text) is
  'Sets a new password with a mailed token, ends every session and forgets every device.';
alter function app_public.reset_password(text, text) owner to app_system;
grant execute on function app_public.reset_password(text, text) to app_anonymous, app_user;
