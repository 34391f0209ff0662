-- Raises FH404 USER_NOT_FOUND or MEMBER_NOT_FOUND, FH409 LAST_OWNER with the tenants.
-- Order matters: what is anonymised goes into the ledger as a change, old values included, so the ledger is emptied last.
-- What it can not reach: text that others wrote into names, descriptions, deployments and logs; rows that vacuum has not yet removed,
-- write-ahead log and backups, which end with their own retention.
create or replace function app_private.erase_person(user_id uuid) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user        app_public.users;
  v_tenants     jsonb;
  v_tenant_id   uuid;
  v_emails      text[];
  v_names       text[];
  v_ips         inet[];
  v_pattern     text;
  v_name        text;
  v_invitations uuid[];
begin
  select * into v_user from app_public.users u where u.id = erase_person.user_id for update;
  if v_user.id is null or exists (select from audit.erasures e where e.user_id = v_user.id) then
    perform app_hidden.raise_error(404, 'USER_NOT_FOUND', 'No such person');
  end if;
  -- In the order that tg_tenant_members__keep_owner locks them: another owner who leaves now waits, or is seen to be gone.
  perform from app_public.tenants t
  where t.id in (select m.tenant_id from app_public.tenant_members m where m.user_id = v_user.id and m.role = 'owner' and m.invitation_status = 'joined')
  order by t.id
  for no key update;
  select jsonb_agg(t.slug order by t.slug) into v_tenants
  from app_public.tenant_members m
  join app_public.tenants t on t.id = m.tenant_id
  where m.user_id = v_user.id and m.role = 'owner' and m.invitation_status = 'joined'
    and not exists (
      select from app_public.tenant_members o
      where o.tenant_id = m.tenant_id and o.user_id <> m.user_id and o.role = 'owner' and o.invitation_status = 'joined');
  if v_tenants is not null then
    perform app_hidden.raise_error(409, 'LAST_OWNER', 'They are the last owner of a tenant; transfer ownership first',
      jsonb_build_object('tenants', v_tenants));
  end if;

  -- All addresses, names and origins they ever had with us.
  select array_agg(distinct e.value) into v_emails
  from (
    select v_user.email::text
    union all
    select p.value ->> 'email'
    from audit.row_versions r
    cross join lateral (values (r.personal -> 'snapshot'), (r.personal -> 'diff')) p (value)
    where r.subject_id = v_user.id and r.table_name = 'users') e (value)
  where e.value is not null;
  select array_agg(distinct n.value) into v_names
  from (
    select unnest(array[v_user.username::text, v_user.name, v_user.full_name, v_user.first_name, v_user.last_name, v_user.github_username])
    union all
    select p.value ->> k.name
    from audit.row_versions r
    cross join lateral (values (r.personal -> 'snapshot'), (r.personal -> 'diff')) p (value)
    cross join (values ('username'), ('name'), ('first_name'), ('last_name'), ('github_username')) k (name)
    where r.subject_id = v_user.id and r.table_name = 'users') n (value)
  where n.value <> '';
  select array_agg(distinct i.value) into v_ips
  from (
    select s.ip_address from app_public.sessions s where s.user_id = v_user.id
    union all
    select l.ip_address from app_public.audit_logs l where l.user_id = v_user.id
    union all
    select r.ip from audit.row_versions r where r.user_id = v_user.id
    union all
    select r.ip from audit.row_versions r where r.user_id is null and r.subject_id = v_user.id
    union all
    select app_hidden.current_ip() where app_hidden.current_user_id() = v_user.id) i (value)
  where i.value is not null;
  select '(' || string_agg(regexp_replace(e.value, '([^a-zA-Z0-9 ])', '\\\1', 'g'), '|') || ')' into v_pattern
  from unnest(v_emails) e (value);
  select coalesce(array_agg(distinct m.id), '{}') into v_invitations
  from (
    select m.id from app_public.tenant_members m where m.user_id = v_user.id or m.invited_email = any (v_emails)
    union all
    select r.row_id
    from audit.row_versions r
    where r.table_name = 'tenant_members'
      and (r.subject_id = v_user.id or r.personal -> 'snapshot' ->> 'invited_email' = any (v_emails)
        or r.personal -> 'diff' ->> 'invited_email' = any (v_emails))) m;

  -- From here on nothing writes down where they come from.
  if app_hidden.current_user_id() = v_user.id then
    perform set_config('app.ip', '', true), set_config('app.user_agent', '', true);
  end if;

  for v_tenant_id in
    select m.tenant_id from app_public.tenant_members m
    where m.user_id = v_user.id and m.invitation_status = 'joined'
    order by m.tenant_id
  loop
    perform app_private.end_membership(v_tenant_id, v_user.id);
  end loop;
  update app_public.tenants t set billing_owner_id = null where t.billing_owner_id = v_user.id;
  update app_public.api_keys k set revoked_at = coalesce(k.revoked_at, now()) where k.user_id = v_user.id;
  delete from app_private.invitation_directory d
  using app_public.tenant_members m
  where m.tenant_id = d.tenant_id and m.id = d.member_id and m.invited_email = any (v_emails);
  update app_public.tenant_members m
  set invited_email = 'erased-' || m.id || '@erased.invalid',
    invitation_status = case when m.invitation_status = 'invited' then 'expired' else m.invitation_status end
  where m.invited_email = any (v_emails) and m.user_id is distinct from v_user.id;
  update app_public.sessions s set revoked_at = coalesce(s.revoked_at, now()) where s.user_id = v_user.id;
  update app_public.user_settings s set default_tenant_id = null where s.user_id = v_user.id;
  update app_public.users u
  set email_verified_at = null, two_factor_enabled = false, last_login_at = null, is_active = false, deleted_at = now()
  where u.id = v_user.id;
  delete from app_private.emails m where m.recipient = any (v_emails);
  update app_private.emails m set details = m.details - 'invitedBy' where m.details ->> 'invitedBy' = any (v_names);
  delete from app_private.rate_limits r
  where r.subject_id = any (v_emails) or r.subject_id = v_user.id::text or r.subject_id = any (select host(i.value) from unnest(v_ips) i (value));
  delete from app_public.idempotency_keys k where k.response::text ~* v_pattern;

  -- What others sent us: their address, and their name where it stands by itself beside it.
  update app_public.webhook_events w set raw_body = '' where encode(w.raw_body, 'escape') ~* v_pattern or w.payload::text ~* v_pattern;
  update app_public.webhook_events w
  set payload = regexp_replace(w.payload::text, v_pattern, '[erased]', 'gi')::jsonb,
    headers = regexp_replace(w.headers::text, v_pattern, '[erased]', 'gi')::jsonb,
    error = regexp_replace(w.error, v_pattern, '[erased]', 'gi')
  where w.payload::text ~* v_pattern or w.headers::text ~* v_pattern or w.error ~* v_pattern;
  foreach v_name in array v_names loop
    update app_public.webhook_events w
    set payload = replace(w.payload::text, to_json(v_name)::text, '"[erased]"')::jsonb
    where w.payload::text like '%[erased]%' and strpos(w.payload::text, to_json(v_name)::text) > 0;
  end loop;

  perform app_private.log_audit_event(app_hidden.current_user_id(), 'user.erased', 'user', v_user.id);
  perform app_private.erase_rows(v_user.id);
  -- What nobody had logged in for: resets they asked for, invitations they declined, refusals at their address.
  update app_public.audit_logs l set ip_address = null, user_agent = null
  where l.user_id is null and (l.ip_address is not null or l.user_agent is not null)
    and (l.resource_id = v_user.id or l.resource_id = any (v_invitations) or (l.resource_id is null and l.ip_address = any (v_ips)));
  update app_public.audit_logs l set details = '{}'
  where l.details <> '{}' and (l.details::text ~* v_pattern
    or (l.user_id = v_user.id and exists (select from unnest(v_names) n (value) where strpos(l.details::text, to_json(n.value)::text) > 0)));

  -- The ledger, with what this transaction has just added to it. The digests stay, and so do the seals.
  update audit.row_versions r set personal = null, personal_salt = null
  where r.subject_id = v_user.id and r.personal_salt is not null;
  update audit.row_versions r set personal = null, personal_salt = null
  where r.table_name = 'tenant_members' and r.row_id = any (v_invitations) and r.personal_salt is not null;
  update audit.row_versions r set ip = null, user_agent = null, origin_salt = null
  where r.user_id = v_user.id and r.origin_salt is not null;
  update audit.row_versions r set ip = null, user_agent = null, origin_salt = null
  where r.user_id is null and r.subject_id = v_user.id and r.origin_salt is not null;
  update audit.row_versions r set ip = null, user_agent = null, origin_salt = null
  where r.user_id is null and r.table_name = 'tenant_members' and r.row_id = any (v_invitations) and r.origin_salt is not null;
  insert into audit.erasures (user_id, invitation_ids, erased_by)
  values (v_user.id, v_invitations, app_hidden.current_user_id());
end
$$;
comment on function app_private.erase_person(uuid) is
  'Destroys the personal data of a person in every table, the ledger included, and closes their account; its id stays. For operators, and for erase_user.';
alter function app_private.erase_person(uuid) owner to app_system;
