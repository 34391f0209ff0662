create or replace function app_public.current_tenant() returns app_public.tenants
  language sql stable
  set search_path to pg_catalog, pg_temp
as $$
  select t from app_public.tenants t where t.id = app_hidden.current_tenant_id()
$$;
comment on function app_public.current_tenant() is 'The tenant of the request; null when none was chosen.';
grant execute on function app_public.current_tenant() to app_anonymous, app_user;
