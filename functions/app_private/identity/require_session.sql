-- Raises FH401 UNAUTHENTICATED for nobody and for API keys.
create or replace function app_private.require_session() returns uuid
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_session_id() is null then
    perform app_hidden.raise_error(401, 'UNAUTHENTICATED', 'Log in first; an API key can not do this');
  end if;
  return app_hidden.current_user_id();
end
$$;
comment on function app_private.require_session() is 'Person of the session of the request.';
grant execute on function app_private.require_session() to app_system;
