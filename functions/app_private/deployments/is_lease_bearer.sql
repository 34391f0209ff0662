create or replace function app_private.is_lease_bearer(deployment app_public.deployments, lease_token text)
  returns boolean
  language sql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce((
    select app_private.constant_time_equals(l.token_hash, app_private.hash_token(is_lease_bearer.lease_token))
    from app_private.deployment_leases l
    where l.tenant_id = (is_lease_bearer.deployment).tenant_id
      and l.deployment_id = (is_lease_bearer.deployment).id), false)
$$;
comment on function app_private.is_lease_bearer(app_public.deployments, text) is
  'Whether this is the token of the last lease of the deployment, held or not.';
alter function app_private.is_lease_bearer(app_public.deployments, text) owner to app_system;
