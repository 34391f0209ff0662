-- Raises FH401 UNAUTHENTICATED, 23505 when the slug is taken.
create or replace function app_public.create_tenant(name text, slug text, description text default null)
  returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_tenant  app_public.tenants;
begin
  v_user_id := app_private.require_session();
  insert into app_public.tenants (name, slug, description, owner_id)
  values (trim(create_tenant.name), lower(create_tenant.slug), create_tenant.description, v_user_id)
  returning * into v_tenant;
  insert into app_public.tenant_members (tenant_id, user_id, role, invitation_status, joined_at)
  values (v_tenant.id, v_user_id, 'owner', 'joined', now());
  update app_public.user_settings s set default_tenant_id = v_tenant.id
  where s.user_id = v_user_id and s.default_tenant_id is null;
  perform app_private.record_event('tenant.created', v_tenant.id, 'tenant', v_tenant.id, null,
    jsonb_build_object('name', v_tenant.name, 'slug', v_tenant.slug));
  return v_tenant;
end
$$;
comment on function app_public.create_tenant(text, text, text) is
  'Makes a tenant and its first owner: the person of the request. The first one becomes their default.';
alter function app_public.create_tenant(text, text, text) owner to app_system;
grant execute on function app_public.create_tenant(text, text, text) to app_user;
