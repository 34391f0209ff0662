-- Raises FH401 UNAUTHENTICATED.
create or replace function app_public.logout_everywhere() returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  v_user_id := app_private.require_session();
  update app_public.sessions s set revoked_at = now() where s.user_id = v_user_id and s.revoked_at is null;
  delete from app_private.device_tokens d where d.user_id = v_user_id;
  perform app_private.log_audit_event(v_user_id, 'user.logout_everywhere', 'user', v_user_id);
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.logout_everywhere() is
  'Ends every session of the person, this one too, at once, and forgets every device.';
alter function app_public.logout_everywhere() owner to app_system;
grant execute on function app_public.logout_everywhere() to app_user;
