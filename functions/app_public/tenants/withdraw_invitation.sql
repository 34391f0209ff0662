-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 INVITATION_NOT_FOUND.
create or replace function app_public.withdraw_invitation(member_id uuid) returns app_public.confirmation
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  v_tenant_id := app_private.require_role('admin', 'members:write');
  delete from app_public.tenant_members m
  where m.tenant_id = v_tenant_id and m.id = withdraw_invitation.member_id and m.invitation_status = 'invited';
  if not found then
    perform app_hidden.raise_error(404, 'INVITATION_NOT_FOUND', 'No such open invitation');
  end if;
  delete from app_private.invitation_directory d
  where d.tenant_id = v_tenant_id and d.member_id = withdraw_invitation.member_id;
  return row(true, null)::app_public.confirmation;
end
$$;
comment on function app_public.withdraw_invitation(uuid) is 'Takes back an invitation that was not answered.';
alter function app_public.withdraw_invitation(uuid) owner to app_system;
grant execute on function app_public.withdraw_invitation(uuid) to app_user;
