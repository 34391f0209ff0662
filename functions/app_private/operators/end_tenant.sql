create or replace function app_private.end_tenant(tenant_id uuid) returns app_public.tenants
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant app_public.tenants;
begin
  -- Sessions, keys, sockets, webhooks and invitations all ask for a tenant that is not closed. Its row keeps its name,
  -- which is free for others.
  update app_public.tenants t set deleted_at = coalesce(t.deleted_at, now()) where t.id = end_tenant.tenant_id
  returning * into v_tenant;
  update app_public.deployments d set status = 'canceled', status_reason = 'The tenant was closed'
  where d.tenant_id = v_tenant.id and d.status in ('pending', 'queued', 'building', 'deploying');
  update app_public.tenant_members m set invitation_status = 'expired'
  where m.tenant_id = v_tenant.id and m.invitation_status = 'invited';
  delete from app_private.invitation_directory d where d.tenant_id = v_tenant.id;
  update app_public.operator_grants g set revoked_at = now() where g.tenant_id = v_tenant.id and g.revoked_at is null;
  update app_public.user_settings s set default_tenant_id = null where s.default_tenant_id = v_tenant.id;
  perform app_private.record_event('tenant.closed', v_tenant.id, 'tenant', v_tenant.id, null);
  return v_tenant;
end
$$;
comment on function app_private.end_tenant(uuid) is
  'Closes a tenant: nobody acts in it any more, what was being built is canceled, open invitations and leave of '
  'operators end. Its data stays until retention removes it.';
alter function app_private.end_tenant(uuid) owner to app_system;
