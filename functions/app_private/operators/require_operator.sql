-- Raises FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED.
-- Looks at the account and the session themselves: what a request claims was true when it began.
create or replace function app_private.require_operator() returns app_public.users
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
begin
  perform app_private.require_session();
  select u.* into v_operator
  from app_public.sessions s
  join app_public.users u on u.id = s.user_id
  where s.id = app_hidden.current_session_id() and s.user_id = app_hidden.current_user_id()
    and s.revoked_at is null and s.expires_at > now()
    and u.role = 'admin' and u.is_active and u.deleted_at is null;
  if v_operator.id is null then
    perform app_hidden.raise_error(403, 'NOT_AN_OPERATOR', 'Only operators of the platform may do this');
  elsif not v_operator.two_factor_enabled then
    perform app_hidden.raise_error(403, 'MFA_REQUIRED', 'Operators have a second factor; enable it first');
  end if;
  perform app_private.require_recent_authentication();
  return v_operator;
end
$$;
comment on function app_private.require_operator() is
  'The operator of the session of the request: an active admin of the platform with a second factor, who proved it '
  'lately.';
alter function app_private.require_operator() owner to app_system;
