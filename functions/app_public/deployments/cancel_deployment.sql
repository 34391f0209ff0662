-- Raises FH400 TENANT_REQUIRED or URL_NOT_VALID, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH409 LEASE_LOST,
-- FH422 APPROVAL_PENDING or DEPLOYMENT_TRANSITION_NOT_ALLOWED.
create or replace function app_public.cancel_deployment(id uuid, reason text default null)
  returns app_public.deployments
  language sql volatile
  set search_path to pg_catalog, pg_temp
as $$
  select app_public.transition_deployment(cancel_deployment.id, 'canceled', cancel_deployment.reason)
$$;
comment on function app_public.cancel_deployment(uuid, text) is 'Cancels a deployment that has not succeeded yet.';
grant execute on function app_public.cancel_deployment(uuid, text) to app_user;
