-- Raises FH401 UNAUTHENTICATED.
create or replace function app_public.logout() returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_session();
  update app_public.sessions s set revoked_at = now()
  where s.id = app_hidden.current_session_id() and s.revoked_at is null;
  perform app_private.log_audit_event(
    app_hidden.current_user_id(), 'user.logout', 'session', app_hidden.current_session_id());
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.logout() is 'Ends the session of the request, at once.';
alter function app_public.logout() owner to app_system;
grant execute on function app_public.logout() to app_user;
