-- Raises FH400 BAD_USER_INPUT, FH401 UNAUTHENTICATED, FH403 NOT_AN_OPERATOR, MFA_REQUIRED or REAUTHENTICATION_REQUIRED.
-- What it reads is members, projects and sessions of the tenants of the page; deployments are added up from the
-- counters of projects, and never counted.
create or replace function app_private.list_tenants(after uuid default null, page integer default 50) returns jsonb
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_operator app_public.users;
  v_tenants  jsonb;
begin
  v_operator := app_private.require_operator();
  if coalesce(list_tenants.page, 0) not between 1 and 200 then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT', 'A page has 1 to 200 tenants');
  end if;
  select coalesce(jsonb_agg(to_jsonb(r) order by r.id), '[]') into v_tenants
  from (
    select t.id, t.slug, t.name, t.plan, t.created_at,
      case when t.deleted_at is not null then 'closed' when not t.is_active then 'suspended' else 'open' end as status,
      m.members, p.projects, p.deployments, greatest(p.last_activity_at, s.last_seen_at) as last_activity_at
    from app_public.tenants t
    cross join lateral (
      select count(*) as members
      from app_public.tenant_members m
      where m.tenant_id = t.id and m.invitation_status = 'joined') m
    cross join lateral (
      select count(*) as projects, coalesce(sum(p.deployment_count), 0) as deployments,
        max(p.last_activity_at) as last_activity_at
      from app_public.projects p
      where p.tenant_id = t.id and p.deleted_at is null) p
    cross join lateral (
      select max(s.last_seen_at) as last_seen_at from app_public.sessions s where s.tenant_id = t.id) s
    where t.id > coalesce(list_tenants.after, app_hidden.platform_tenant_id())
    order by t.id
    limit list_tenants.page) r;
  perform app_private.log_operator_act(v_operator, 'operator.tenants_listed', 'tenant', list_tenants.after, null);
  return v_tenants;
end
$$;
comment on function app_private.list_tenants(uuid, integer) is
  'A page of tenants after an id, oldest first: [{id, slug, name, plan, status, members, projects, deployments, '
  'last_activity_at, created_at}]. The id of the last is where the next page begins.';
alter function app_private.list_tenants(uuid, integer) owner to app_system;
grant execute on function app_private.list_tenants(uuid, integer) to app_operator;
