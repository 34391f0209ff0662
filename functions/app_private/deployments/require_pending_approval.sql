-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH422 APPROVAL_NOT_PENDING.
create or replace function app_private.require_pending_approval(id uuid) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
begin
  v_deployment := app_private.require_deployment(require_pending_approval.id, 'admin');
  if v_deployment.approval_state <> 'pending' or v_deployment.status <> 'pending' then
    perform app_hidden.raise_error(422, 'APPROVAL_NOT_PENDING', 'The deployment does not wait for approval');
  end if;
  return v_deployment;
end
$$;
comment on function app_private.require_pending_approval(uuid) is
  'The deployment, locked, which waits for an approval that the caller may give or refuse.';
alter function app_private.require_pending_approval(uuid) owner to app_system;
