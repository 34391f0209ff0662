-- Definer: it must look behind the policies that call it.
create or replace function app_hidden.current_tenant_user_ids() returns uuid[]
  language sql stable parallel safe security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.user_id), '{}')
  from app_public.tenant_members m
  where m.tenant_id = app_hidden.current_tenant_id() and m.invitation_status = 'joined'
$$;
comment on function app_hidden.current_tenant_user_ids() is
  'People of the tenant of the request. Who left is not among them: what their account says since is no business of '
  'the tenant, which keeps the name they had in tenant_members.';
alter function app_hidden.current_tenant_user_ids() owner to app_system;
grant execute on function app_hidden.current_tenant_user_ids() to app_user;
