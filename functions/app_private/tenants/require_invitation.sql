-- Raises FH404 INVITATION_NOT_FOUND, FH409 INVITATION_USED, FH410 INVITATION_EXPIRED.
create or replace function app_private.require_invitation(token text) returns app_public.tenant_members
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_member app_public.tenant_members;
begin
  select m.* into v_member
  from app_private.invitation_directory d
  join app_public.tenant_members m on m.tenant_id = d.tenant_id and m.id = d.member_id
  join app_public.tenants t on t.id = d.tenant_id and t.is_active and t.deleted_at is null
  where d.token_hash = app_private.hash_token(require_invitation.token)
  for no key update of m;
  if not found then
    perform app_hidden.raise_error(404, 'INVITATION_NOT_FOUND', 'The invitation is unknown or withdrawn');
  end if;
  -- Locked, so that whoever loses their rank meanwhile waits, or has lost it.
  perform from app_public.tenant_members i
  join app_public.users u on u.id = i.user_id and u.is_active and u.deleted_at is null
  where i.tenant_id = v_member.tenant_id and i.user_id = v_member.invited_by_user_id
    and i.invitation_status = 'joined' and i.role >= greatest('admin', v_member.role)
  for share of i;
  if not found and v_member.invitation_status = 'invited' then
    perform app_hidden.raise_error(404, 'INVITATION_NOT_FOUND', 'The invitation is unknown or withdrawn');
  elsif v_member.invitation_status <> 'invited' then
    perform app_hidden.raise_error(409, 'INVITATION_USED', 'The invitation was answered already');
  elsif v_member.invitation_expires_at <= now() then
    perform app_hidden.raise_error(410, 'INVITATION_EXPIRED', 'The invitation has expired; ask for a new one');
  end if;
  return v_member;
end
$$;
comment on function app_private.require_invitation(text) is
  'The open invitation that a mailed token speaks of, locked; it falls with the rank of whoever sent it.';
alter function app_private.require_invitation(text) owner to app_system;
