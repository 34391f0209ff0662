-- Raises FH401 UNAUTHENTICATED for nobody and for API keys, FH403 REAUTHENTICATION_REQUIRED.
-- FH403, since the token works: FH401 would let clients throw it away.
create or replace function app_private.require_recent_authentication() returns uuid
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  v_user_id := app_private.require_session();
  if not exists (
    select from app_public.sessions s
    where s.id = app_hidden.current_session_id() and s.user_id = v_user_id
      and greatest(s.created_at, s.reauthenticated_at) > clock_timestamp() - interval '15 minutes')
  then
    perform app_hidden.raise_error(403, 'REAUTHENTICATION_REQUIRED',
      'Prove again who you are, by reauthenticate, and repeat the request', '{"withinSeconds": 900}');
  end if;
  return v_user_id;
end
$$;
comment on function app_private.require_recent_authentication() is
  'Person of the session of the request, who logged in or proved themselves again within the last 15 minutes.';
alter function app_private.require_recent_authentication() owner to app_system;
