-- tenancy: global
drop policy if exists select_joined on app_public.tenants;
create policy select_joined on app_public.tenants for select to app_user
  using ((id = (select app_hidden.current_tenant_id())
    or id = any ((select app_hidden.current_user_tenant_ids())::uuid[])));
comment on policy select_joined on app_public.tenants is
  'A person sees the tenants they joined; an API key sees its own.';

drop policy if exists update_admin on app_public.tenants;
create policy update_admin on app_public.tenants for update to app_user
  using (id = (select app_hidden.current_tenant_id())
    and (select app_hidden.has_role('admin'))
    and (select app_hidden.is_permitted('tenant:write')))
  with check (id = (select app_hidden.current_tenant_id())
    and (billing_owner_id is null or billing_owner_id = any ((select app_hidden.current_tenant_user_ids())::uuid[])));
comment on policy update_admin on app_public.tenants is
  'Admins change the tenant of the request; whoever pays is one of its people.';

drop policy if exists all_worker on app_public.tenants;
create policy all_worker on app_public.tenants for all to freehold_worker using (true) with check (true);
comment on policy all_worker on app_public.tenants is 'The worker runs the queue of the whole platform.';

drop policy if exists all_system on app_public.tenants;
create policy all_system on app_public.tenants for all to app_system using (true) with check (true);
comment on policy all_system on app_public.tenants is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.tenants from app_anonymous, app_user, app_system, freehold_worker;
grant select, update (name, slug, description, settings, billing_owner_id) on app_public.tenants to app_user;
grant select on app_public.tenants to freehold_worker;
grant select, insert, update, delete on app_public.tenants to app_system;
-- No insert: create_tenant. No delete: a tenant is closed, not removed. Plan and limits follow the subscription.
-- No domain, until it can be proved to be theirs.
