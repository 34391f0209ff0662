-- tenancy: tenant
drop policy if exists tenant_isolation on app_public.idempotency_keys;
create policy tenant_isolation on app_public.idempotency_keys as restrictive for all to app_user, freehold_worker
  using      (tenant_id = (select app_hidden.current_tenant_id()))
  with check (tenant_id = (select app_hidden.current_tenant_id()));
comment on policy tenant_isolation on app_public.idempotency_keys is
  'The wall: nothing of another tenant, whatever the doors say.';

drop policy if exists all_system on app_public.idempotency_keys;
create policy all_system on app_public.idempotency_keys for all to app_system using (true) with check (true);
comment on policy all_system on app_public.idempotency_keys is
  'The definer functions see every tenant and choose for themselves.';

revoke all on app_public.idempotency_keys from app_anonymous, app_user, app_system, freehold_worker;
grant select, insert, update, delete on app_public.idempotency_keys to app_system;
-- Nothing for app_user: the functions that take a key look here themselves.
