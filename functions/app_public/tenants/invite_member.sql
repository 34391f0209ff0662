-- Raises FH400 TENANT_REQUIRED, FH401 UNAUTHENTICATED, FH403 FORBIDDEN or REAUTHENTICATION_REQUIRED before anything
-- is counted; refuses with FH409 ALREADY_MEMBER, FH429 RATE_LIMITED.
-- It looks at the members of the tenant, whom an admin sees anyway, and at nobody else's account.
drop function if exists app_public.invite_member(text, app_public.member_role);

create or replace function app_public.invite_member(email text, role app_public.member_role default 'member')
  returns app_public.invitation_result
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_email     app_public.email := lower(trim(invite_member.email));
  v_token     text := app_private.random_token('fh_invite_');
  v_member    app_public.tenant_members;
  v_wait      integer;
begin
  -- Null is as if nothing were said.
  invite_member.role := coalesce(invite_member.role, 'member');
  v_tenant_id := app_private.require_role('admin', 'members:write');
  perform app_private.require_grantable(invite_member.role);
  v_wait := case
    when not app_private.take_rate_limit('invite', app_private.current_origin(), 3600, 300) then 3600
    when not app_private.take_rate_limit('invite', v_tenant_id::text, 3600, 200) then 3600
    when not app_private.take_rate_limit('invite', v_tenant_id || ' ' || app_private.login_subject(v_email), 86400, 10)
      then 86400 end;
  if v_wait is not null then
    return row(null, app_hidden.refusal(429, 'RATE_LIMITED',
      'Too many invitations from this tenant or address, or to this recipient',
      jsonb_build_object('retryAfterSeconds', v_wait)))::app_public.invitation_result;
  end if;
  if exists (
    select from app_public.tenant_members m
    left join app_public.users u on u.id = m.user_id
    where m.tenant_id = v_tenant_id and m.invitation_status = 'joined' and v_email in (u.email, m.invited_email))
  then
    return row(null, app_hidden.refusal(409, 'ALREADY_MEMBER',
      'That person is a member already'))::app_public.invitation_result;
  end if;

  -- A former member keeps their row, which their keys refer to; the address is free for a new invitation.
  update app_public.tenant_members m set invited_email = null
  where m.tenant_id = v_tenant_id and m.invited_email = v_email
    and m.user_id is not null and m.invitation_status <> 'joined';
  insert into app_public.tenant_members as m (
    tenant_id, role, invitation_status, invited_by_user_id, invited_email, invitation_expires_at)
  values (v_tenant_id, invite_member.role, 'invited', app_hidden.current_user_id(), v_email, now() + interval '7 days')
  on conflict on constraint tenant_members_invited_email_key do update
  set role = excluded.role, invitation_status = 'invited', invited_by_user_id = excluded.invited_by_user_id,
    invitation_expires_at = excluded.invitation_expires_at
  where m.invitation_status <> 'joined'
  returning * into v_member;
  -- They joined at this moment.
  if v_member.id is null then
    return row(null, app_hidden.refusal(409, 'ALREADY_MEMBER',
      'That person is a member already'))::app_public.invitation_result;
  end if;

  delete from app_private.invitation_directory d where d.tenant_id = v_tenant_id and d.member_id = v_member.id;
  insert into app_private.invitation_directory (token_hash, tenant_id, member_id)
  values (app_private.hash_token(v_token), v_tenant_id, v_member.id);
  -- What many tenants send to one address is no mail any more, and none of them is told of the others.
  if app_private.take_rate_limit('invite', v_email, 86400, 20) then
    perform app_private.send_email('invitation', v_email, v_token, (
      select jsonb_build_object('tenant', t.name, 'role', v_member.role,
        'invitedBy', (select u.name from app_public.users u where u.id = app_hidden.current_user_id()))
      from app_public.tenants t where t.id = v_tenant_id), sender_id => app_hidden.current_user_id());
  end if;
  perform app_private.record_event('member.invited', v_tenant_id, 'tenant_member', v_member.id, null,
    jsonb_build_object('role', v_member.role));
  perform app_private.log_audit_event(app_hidden.current_user_id(), 'member.invited', 'tenant_member', v_member.id,
    jsonb_build_object('role', v_member.role));
  return row(v_member, null)::app_public.invitation_result;
end
$$;
comment on function app_public.invite_member(text, app_public.member_role) is
  'Asks someone into the tenant by mail; the invitation is good for seven days. Inviting again sends a new token and '
  'withdraws the old one.';
alter function app_public.invite_member(text, app_public.member_role) owner to app_system;
grant execute on function app_public.invite_member(text, app_public.member_role) to app_user;
