create or replace function app_hidden.current_tenant_id() returns uuid
  language sql stable parallel safe
as $$
  select nullif(current_setting('app.tenant_id', true), '')::uuid
$$;
comment on function app_hidden.current_tenant_id() is 'Tenant of the request; null when none was chosen.';
grant execute on function app_hidden.current_tenant_id() to app_anonymous, app_user, app_system, freehold_worker;
