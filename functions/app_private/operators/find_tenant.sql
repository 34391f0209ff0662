-- Raises FH404 TENANT_NOT_FOUND. By its slug a closed tenant is found when no other has taken that since.
create or replace function app_private.find_tenant(name text) returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_id     uuid;
  v_tenant app_public.tenants;
begin
  -- Not a case inside the query: its planner would cast a slug to uuid before it asks whether it may.
  if pg_input_is_valid(find_tenant.name, 'uuid') then
    v_id := find_tenant.name::uuid;
  end if;
  select t.* into v_tenant
  from app_public.tenants t
  where t.id <> app_hidden.platform_tenant_id()
    and (t.id = v_id or t.slug = lower(trim(find_tenant.name)))
  order by t.deleted_at desc nulls first
  limit 1
  for no key update;
  if v_tenant.id is null then
    perform app_hidden.raise_error(404, 'TENANT_NOT_FOUND', 'No such tenant');
  end if;
  return v_tenant;
end
$$;
comment on function app_private.find_tenant(text) is 'A tenant by slug or id, the closed ones too, locked.';
alter function app_private.find_tenant(text) owner to app_system;
