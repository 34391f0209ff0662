-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED, FH404 USER_NOT_FOUND,
-- FH409 OPERATOR_IS_NEEDED, FH422 REASON_REQUIRED.
create or replace function app_private.suspend_user(person text, reason text) returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_user     app_public.users;
begin
  v_operator := app_private.require_operator();
  perform app_private.require_reason(suspend_user.reason);
  v_user := app_private.find_user(suspend_user.person);
  if v_user.id = v_operator.id then
    perform app_hidden.raise_error(409, 'OPERATOR_IS_NEEDED', 'Nobody suspends themselves; another operator can');
  end if;
  -- Told to the API processes by trigger: what they keep is dropped, sockets are closed. Keys are refused while it
  -- lasts; sessions end for good.
  update app_public.users u set is_active = false where u.id = v_user.id
  returning * into v_user;
  update app_public.sessions s set revoked_at = now() where s.user_id = v_user.id and s.revoked_at is null;
  perform app_private.log_operator_act(v_operator, 'operator.user_suspended', 'user', v_user.id, suspend_user.reason);
  return v_user;
end
$$;
comment on function app_private.suspend_user(text, text) is
  'Shuts a person out at once: sessions end, API keys are refused, nobody logs in as them. Their data stays.';
alter function app_private.suspend_user(text, text) owner to app_system;
grant execute on function app_private.suspend_user(text, text) to app_operator;
