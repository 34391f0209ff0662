-- Definer: who is nobody may not read the table, and is to be told null.
create or replace function app_public.current_tenant() returns app_public.tenants
  language sql stable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select t from app_public.tenants t where t.id = app_hidden.current_tenant_id()
$$;
comment on function app_public.current_tenant() is 'The tenant of the request; null when none was chosen.';
alter function app_public.current_tenant() owner to app_system;
grant execute on function app_public.current_tenant() to app_anonymous, app_user;
