create or replace function app_public.my_tenants() returns setof app_public.tenants
  language sql stable
  set search_path to pg_catalog, pg_temp
as $$
  select t.*
  from app_public.tenants t
  where t.id = any (app_hidden.current_user_tenant_ids()) and t.deleted_at is null
  order by t.name, t.id
$$;
comment on function app_public.my_tenants() is 'Tenants that the person of the request has joined.';
grant execute on function app_public.my_tenants() to app_user;
