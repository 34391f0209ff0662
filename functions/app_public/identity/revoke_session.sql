-- Raises FH401 UNAUTHENTICATED, FH404 SESSION_NOT_FOUND.
create or replace function app_public.revoke_session(id uuid) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  v_user_id := app_private.require_session();
  update app_public.sessions s set revoked_at = now()
  where s.id = revoke_session.id and s.user_id = v_user_id and s.revoked_at is null;
  if not found then
    perform app_hidden.raise_error(404, 'SESSION_NOT_FOUND', 'No such open session');
  end if;
  perform app_private.log_audit_event(v_user_id, 'session.revoked', 'session', revoke_session.id);
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.revoke_session(uuid) is 'Ends one session of the person, at once.';
alter function app_public.revoke_session(uuid) owner to app_system;
grant execute on function app_public.revoke_session(uuid) to app_user;
