-- A literal to the planner, which puts it in place of the call.
create or replace function app_hidden.platform_tenant_id() returns uuid
  language sql immutable parallel safe
as $$
  select '00000000-0000-0000-0000-000000000000'::uuid
$$;
comment on function app_hidden.platform_tenant_id() is
  'The tenant of all zeros: what belongs to the platform as a whole, or to a person, and to no tenant.';
grant execute on function app_hidden.platform_tenant_id() to app_anonymous, app_user, app_system, freehold_worker;
