-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED, FH404 USER_NOT_FOUND,
-- FH422 REASON_REQUIRED.
create or replace function app_private.restore_user(person text, reason text) returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_user     app_public.users;
begin
  v_operator := app_private.require_operator();
  perform app_private.require_reason(restore_user.reason);
  v_user := app_private.find_user(restore_user.person);
  update app_public.users u set is_active = true where u.id = v_user.id
  returning * into v_user;
  perform app_private.log_operator_act(v_operator, 'operator.user_restored', 'user', v_user.id, restore_user.reason);
  return v_user;
end
$$;
comment on function app_private.restore_user(text, text) is
  'Lets a suspended person in again: they log in anew, their API keys work as before.';
alter function app_private.restore_user(text, text) owner to app_system;
grant execute on function app_private.restore_user(text, text) to app_operator;
