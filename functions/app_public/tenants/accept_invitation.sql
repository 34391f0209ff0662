-- Raises FH401 UNAUTHENTICATED, FH403 INVITATION_FOR_ANOTHER_ADDRESS, FH404 INVITATION_NOT_FOUND,
-- FH409 INVITATION_USED or ALREADY_MEMBER, FH410 INVITATION_EXPIRED.
-- The token alone lets nobody in, since mail is forwarded; unless the tenant says that it does.
create or replace function app_public.accept_invitation(token text) returns app_public.tenant_members
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_member  app_public.tenant_members;
  v_former  app_public.tenant_members;
begin
  v_user_id := app_private.require_session();
  v_member := app_private.require_invitation(accept_invitation.token);
  if not exists (
    select from app_public.users u
    where u.id = v_user_id and u.email = v_member.invited_email and u.email_verified_at is not null)
    and (
      select t.settings -> 'invitations_for_any_address' from app_public.tenants t where t.id = v_member.tenant_id)
      is distinct from 'true'
  then
    perform app_hidden.raise_error(403, 'INVITATION_FOR_ANOTHER_ADDRESS',
      'Log in with the address that was invited, and confirm it first');
  end if;
  -- Someone who was here before keeps their old row, and so their teams' history.
  select * into v_former
  from app_public.tenant_members m
  where m.tenant_id = v_member.tenant_id and m.user_id = v_user_id
  for no key update;
  if v_former.invitation_status = 'joined' then
    perform app_hidden.raise_error(409, 'ALREADY_MEMBER', 'You are a member already');
  elsif v_former.id is not null then
    delete from app_public.tenant_members m where m.tenant_id = v_member.tenant_id and m.id = v_member.id;
    update app_private.invitation_directory d set member_id = v_former.id
    where d.tenant_id = v_member.tenant_id and d.member_id = v_member.id;
    update app_public.tenant_members m
    set role = v_member.role, invitation_status = 'joined', joined_at = now(),
      invited_by_user_id = v_member.invited_by_user_id, invited_email = v_member.invited_email
    where m.tenant_id = v_former.tenant_id and m.id = v_former.id
    returning * into v_member;
  else
    update app_public.tenant_members m
    set user_id = v_user_id, invitation_status = 'joined', joined_at = now()
    where m.tenant_id = v_member.tenant_id and m.id = v_member.id
    returning * into v_member;
  end if;
  update app_public.user_settings s set default_tenant_id = v_member.tenant_id
  where s.user_id = v_user_id and s.default_tenant_id is null;
  perform app_private.record_event('member.joined', v_member.tenant_id, 'tenant_member', v_member.id, null,
    jsonb_build_object('userId', v_user_id, 'role', v_member.role));
  -- Joining is an act inside the tenant, whichever the request was for.
  perform app_private.log_audit_event(v_user_id, 'member.joined', 'tenant_member', v_member.id,
    jsonb_build_object('role', v_member.role), tenant_id => v_member.tenant_id);
  return v_member;
end
$$;
comment on function app_public.accept_invitation(text) is
  'Joins the tenant that sent the invitation and returns the new membership. It is for the address that was invited, '
  'confirmed, unless the setting invitations_for_any_address of the tenant is true.';
alter function app_public.accept_invitation(text) owner to app_system;
grant execute on function app_public.accept_invitation(text) to app_user;
