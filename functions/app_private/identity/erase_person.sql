-- Raises FH404 USER_NOT_FOUND or MEMBER_NOT_FOUND, FH409 LAST_OWNER with the tenants.
-- What is theirs is found by the columns that sql/tables.sql declares, in the tenants they belonged to, and by
-- addresses that they proved to be theirs, compared whole. So it costs what they left behind, however much others
-- did; and an address or a name that somebody merely claims finds nothing. Every statement below names why it may
-- touch its rows.
-- What it does not look into: text that people write (names, descriptions, messages, logs, what daemons report),
-- which is the tenant's; rows that vacuum has not yet removed, write-ahead log and backups, which end with their own
-- retention.
-- Order matters: what is blanked goes into the ledger as a change, old values included, so the ledger is emptied last.
create or replace function app_private.erase_person(user_id uuid) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user        app_public.users;
  v_owned       jsonb;
  v_tenant_id   uuid;
  v_tenant_ids  uuid[];
  v_addresses   text[];
  v_invitations app_public.tenant_members[];
begin
  select * into v_user from app_public.users u where u.id = erase_person.user_id for update;
  if v_user.id is null or exists (select from audit.erasures e where e.user_id = v_user.id) then
    perform app_hidden.raise_error(404, 'USER_NOT_FOUND', 'No such person');
  end if;
  -- In the order that tg_tenant_members__keep_owner locks them: another owner who leaves now waits, or is seen to be
  -- gone.
  perform from app_public.tenants t
  where t.id in (
    select m.tenant_id from app_public.tenant_members m
    where m.user_id = v_user.id and m.role = 'owner' and m.invitation_status = 'joined')
  order by t.id
  for no key update;
  select jsonb_agg(t.slug order by t.slug) into v_owned
  from app_public.tenant_members m
  join app_public.tenants t on t.id = m.tenant_id
  where m.user_id = v_user.id and m.role = 'owner' and m.invitation_status = 'joined'
    and t.deleted_at is null
    and not exists (
      select from app_public.tenant_members o
      where o.tenant_id = m.tenant_id and o.user_id <> m.user_id
        and o.role = 'owner' and o.invitation_status = 'joined');
  if v_owned is not null then
    perform app_hidden.raise_error(409, 'LAST_OWNER', 'They are the last owner of a tenant; transfer ownership first',
      jsonb_build_object('tenants', v_owned));
  end if;

  -- Addresses that they proved, now or before. The ledger has a version for each time they did.
  select coalesce(array_agg(distinct a.address), '{}') into v_addresses
  from (
    select v_user.email::text where v_user.email_verified_at is not null
    union all
    select r.personal -> 'snapshot' ->> 'email'
    from audit.row_versions r
    where r.subject_id = v_user.id and r.table_name = 'users'
      and r.snapshot ->> 'email_verified_at' is not null) a (address)
  where a.address is not null;
  -- Where they are or were a member, and the platform itself.
  select array_agg(distinct t.tenant_id) into v_tenant_ids
  from (
    select m.tenant_id from app_public.tenant_members m where m.user_id = v_user.id
    union all
    select r.tenant_id from audit.row_versions r where r.subject_id = v_user.id and r.table_name = 'tenant_members'
    union all
    select app_hidden.platform_tenant_id()) t;
  -- Memberships of theirs, and invitations that went to an address of theirs, withdrawn ones too.
  select coalesce(array_agg(distinct i), '{}') into v_invitations
  from (
    select m.tenant_id, m.id from app_public.tenant_members m where m.user_id = v_user.id
    union all
    select m.tenant_id, m.id from app_public.tenant_members m where m.invited_email = any (v_addresses)
    union all
    select r.tenant_id, r.row_id
    from audit.row_versions r
    where r.subject_id = v_user.id and r.table_name = 'tenant_members'
    union all
    select r.tenant_id, r.row_id
    from audit.row_versions r
    where r.table_name = 'tenant_members' and r.personal is not null
      and r.personal -> 'snapshot' ->> 'invited_email' = any (v_addresses)) m
  cross join lateral jsonb_populate_record(
    null::app_public.tenant_members, jsonb_build_object('tenant_id', m.tenant_id, 'id', m.id)) i;

  -- From here on nothing writes down where they come from.
  if app_hidden.current_user_id() = v_user.id then
    perform set_config('app.ip', '', true), set_config('app.user_agent', '', true);
  end if;

  -- Their account and what hangs on it, by their id.
  for v_tenant_id in
    select m.tenant_id from app_public.tenant_members m
    where m.user_id = v_user.id and m.invitation_status = 'joined'
    order by m.tenant_id
  loop
    perform app_private.end_membership(v_tenant_id, v_user.id);
  end loop;
  update app_public.tenants t set billing_owner_id = null where t.billing_owner_id = v_user.id;
  update app_public.api_keys k set revoked_at = now() where k.user_id = v_user.id and k.revoked_at is null;
  update app_public.sessions s set revoked_at = now() where s.user_id = v_user.id and s.revoked_at is null;
  update app_public.user_settings s set default_tenant_id = null where s.user_id = v_user.id;
  update app_public.users u
  set email_verified_at = null, two_factor_enabled = false, last_login_at = null, is_active = false, deleted_at = now()
  where u.id = v_user.id;

  -- Invitations to an address they proved: the row stays with whoever invited, the address does not.
  delete from app_private.invitation_directory d
  using app_public.tenant_members m
  where m.tenant_id = d.tenant_id and m.id = d.member_id and m.invited_email = any (v_addresses);
  update app_public.tenant_members m
  -- Not to be guessed: whoever took it before would stand in the way.
  set invited_email = 'erased-' || gen_random_uuid() || '@erased.invalid',
    invitation_status = case when m.invitation_status = 'invited' then 'expired' else m.invitation_status end
  where m.invited_email = any (v_addresses) and m.user_id is distinct from v_user.id;
  -- Mail to such an address, and their name in mail they caused.
  delete from app_private.emails m where m.recipient = any (v_addresses);
  update app_private.emails m set details = m.details - 'invitedBy' where m.sender_id = v_user.id;
  delete from app_private.registrations r where r.email = any (v_addresses);
  delete from app_private.rate_limits r
  where r.subject_type in ('register', 'reset', 'invite') and r.subject_id = any (v_addresses)
    or r.subject_type in ('login_account', 'login_code')
      and r.subject_id in (select app_private.login_subject(a.address) from unnest(v_addresses) a (address));
  perform app_private.redact_documents(v_tenant_ids, v_addresses);

  perform app_private.log_audit_event(app_hidden.current_user_id(), 'user.erased', 'user', v_user.id);
  perform app_private.erase_rows(v_user.id, v_tenant_ids);
  -- What was done about their account or invitation by somebody who was not logged in.
  update app_public.audit_logs l set ip_address = null, user_agent = null
  from (
    select app_hidden.platform_tenant_id() as tenant_id, 'user' as resource_type, v_user.id as id
    union all
    select i.tenant_id, 'tenant_member', i.id from unnest(v_invitations) i) r
  where l.tenant_id = r.tenant_id and l.resource_type = r.resource_type and l.resource_id = r.id
    and l.user_id is null and (l.ip_address is not null or l.user_agent is not null);

  -- What daemons reported of their id.
  update app_public.audit_logs l set ip_address = null, user_agent = null
  where l.tenant_id = any (v_tenant_ids) and l.resource_type is null and l.resource_id = v_user.id
    and l.user_id is null and (l.ip_address is not null or l.user_agent is not null);

  -- The ledger, with what this transaction has just added to it. The digests stay, and so do the seals.
  update audit.row_versions r set personal = null, personal_salt = null
  where r.subject_id = v_user.id and r.personal_salt is not null;
  update audit.row_versions r set ip = null, user_agent = null, origin_salt = null
  where r.user_id = v_user.id and r.origin_salt is not null;
  update audit.row_versions r set ip = null, user_agent = null, origin_salt = null
  where r.user_id is null and r.subject_id = v_user.id and r.origin_salt is not null;
  update audit.row_versions r
  set personal = null, personal_salt = null,
    ip = case when r.user_id is not null then r.ip end,
    user_agent = case when r.user_id is not null then r.user_agent end,
    origin_salt = case when r.user_id is not null then r.origin_salt end
  from unnest(v_invitations) i
  where r.tenant_id = i.tenant_id and r.table_name = 'tenant_members' and r.row_id = i.id
    and (r.personal_salt is not null or (r.user_id is null and r.origin_salt is not null));
  insert into audit.erasures (user_id, invitation_ids, erased_by)
  values (v_user.id, array(select i.id from unnest(v_invitations) i), app_hidden.current_user_id());
end
$$;
comment on function app_private.erase_person(uuid) is
  'Destroys the personal data of a person in every table, the ledger included, and closes their account; its id '
  'stays. For operators, and for erase_user.';
alter function app_private.erase_person(uuid) owner to app_system;
