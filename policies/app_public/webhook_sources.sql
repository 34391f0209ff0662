-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.webhook_sources;
create policy tenant_isolation on app_public.webhook_sources as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.webhook_sources is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_developer on app_public.webhook_sources;
create policy select_developer on app_public.webhook_sources for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.has_role('developer'))
      <> (project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[]))));
comment on policy select_developer on app_public.webhook_sources is 'Developers see where webhooks come from.';

drop policy if exists update_developer on app_public.webhook_sources;
create policy update_developer on app_public.webhook_sources for update to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.has_role('developer'))
      <> (project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[])))
    and (select app_hidden.current_environment_id()) is null
    and (select app_hidden.is_permitted('webhooks:write')))
  with check (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id())));
comment on policy update_developer on app_public.webhook_sources is 'Developers rename and switch sources.';

drop policy if exists delete_developer on app_public.webhook_sources;
create policy delete_developer on app_public.webhook_sources for delete to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.has_role('developer'))
      <> (project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[])))
    and (select app_hidden.current_environment_id()) is null
    and (select app_hidden.is_permitted('webhooks:write')));
comment on policy delete_developer on app_public.webhook_sources is
  'Developers remove sources, and with them their inbox.';

drop policy if exists all_worker on app_public.webhook_sources;
create policy all_worker on app_public.webhook_sources for all to freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy all_worker on app_public.webhook_sources is 'A worker task acts for the tenant it was started for.';

drop policy if exists all_system on app_public.webhook_sources;
create policy all_system on app_public.webhook_sources for all to app_system using (true) with check (true);
comment on policy all_system on app_public.webhook_sources is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.webhook_sources from app_anonymous, app_user, app_system, freehold_worker;
grant select, update (name, description, is_active), delete on app_public.webhook_sources to app_user;
grant select on app_public.webhook_sources to freehold_worker;
grant select, insert, update, delete on app_public.webhook_sources to app_system;
-- No insert: create_webhook_source, which tells the secret once.
