-- Raises FH404 INVITATION_NOT_FOUND, FH409 INVITATION_USED, FH410 INVITATION_EXPIRED.
create or replace function app_public.decline_invitation(token text) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_member app_public.tenant_members;
begin
  v_member := app_private.require_invitation(decline_invitation.token);
  update app_public.tenant_members m set invitation_status = 'declined'
  where m.tenant_id = v_member.tenant_id and m.id = v_member.id;
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.decline_invitation(text) is 'Says no to an invitation; needs no account.';
alter function app_public.decline_invitation(text) owner to app_system;
grant execute on function app_public.decline_invitation(text) to app_anonymous, app_user;
