-- Who left while releases ran that did not remember: as their account was then, by the ledger. It is no migration,
-- since the ledger takes a name for a personal value only when the triggers say so, which come with the sources.
do $$
begin
  set local role app_system;
  update app_public.tenant_members m
  set left_at = l.left_at, name_at_leaving = u.name, username_at_leaving = u.username
  from app_public.tenant_members f
  cross join lateral (
    select coalesce((
      select v.created_at
      from audit.row_versions v
      where v.tenant_id = f.tenant_id and v.table_name = 'tenant_members' and v.row_id = f.id
        and v.diff ->> 'invitation_status' = 'joined'
      order by v.id desc
      limit 1), f.updated_at) as left_at) l
  left join lateral (
    select v.personal -> 'snapshot' ->> 'name' as name, v.personal -> 'snapshot' ->> 'username' as username
    from audit.row_versions v
    where v.tenant_id = app_hidden.platform_tenant_id() and v.table_name = 'users' and v.row_id = f.user_id
      and v.created_at <= l.left_at
    order by v.id desc
    limit 1) u on true
  where m.tenant_id = f.tenant_id and m.id = f.id
    and f.invitation_status = 'removed' and f.user_id is not null and f.left_at is null;
  update app_public.tenants t set billing_owner_id = null
  from app_public.tenant_members m
  where t.billing_owner_id = m.user_id and m.tenant_id = t.id and m.invitation_status = 'removed';
  reset role;
end
$$;
