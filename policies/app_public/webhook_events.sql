-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.webhook_events;
create policy tenant_isolation on app_public.webhook_events as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.webhook_events is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists select_developer on app_public.webhook_events;
create policy select_developer on app_public.webhook_events for select to app_user
  using (tenant_id = (select app_hidden.current_tenant_id())
    and project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.has_role('developer'))
      <> (project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[]))));
comment on policy select_developer on app_public.webhook_events is 'Developers see what came in.';

drop policy if exists all_worker on app_public.webhook_events;
create policy all_worker on app_public.webhook_events for all to freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy all_worker on app_public.webhook_events is 'A worker task acts for the tenant it was started for.';

drop policy if exists all_system on app_public.webhook_events;
create policy all_system on app_public.webhook_events for all to app_system using (true) with check (true);
comment on policy all_system on app_public.webhook_events is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.webhook_events from app_anonymous, app_user, app_system, freehold_worker;
grant select (
    tenant_id, id, webhook_source_id, project_id, source, event_type, unique_request_id, payload, headers,
    signature_valid, received_at, processed_at, processed, outcome, deployment_id, response_code, response_status,
    attempts, error, redacted_at, created_at, updated_at)
  on app_public.webhook_events to app_user;
grant select, update on app_public.webhook_events to freehold_worker;
grant select, insert, update, delete on app_public.webhook_events to app_system;
-- raw_body is for verification and replay, not for the API.
