-- Raises FH400 PASSWORD_UNSUITABLE, FH401 UNAUTHENTICATED; refuses with FH401 INVALID_CREDENTIALS,
-- FH429 RATE_LIMITED.
create or replace function app_public.change_password(current_password text, new_password text)
  returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_refusal jsonb;
begin
  v_user_id := app_private.require_session();
  perform app_private.check_new_password(change_password.new_password);
  v_refusal := app_private.prove_identity(v_user_id, change_password.current_password, null, false);
  if v_refusal is not null then
    perform app_private.log_audit_event(v_user_id, 'user.password_change_refused', 'user', v_user_id);
    return row(null, v_refusal)::app_public.confirmation;
  end if;
  update app_private.user_secrets s
  set password_hash = app_private.hash_password(change_password.new_password), password_changed_at = now()
  where s.user_id = v_user_id;
  update app_public.sessions s set revoked_at = now()
  where s.user_id = v_user_id and s.id <> app_hidden.current_session_id() and s.revoked_at is null;
  perform app_private.log_audit_event(v_user_id, 'user.password_changed', 'user', v_user_id);
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.change_password(text, text) is 'Sets a new password and ends every other session.';
alter function app_public.change_password(text, text) owner to app_system;
grant execute on function app_public.change_password(text, text) to app_user;
