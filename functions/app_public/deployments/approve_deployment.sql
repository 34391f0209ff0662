-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH422 APPROVAL_NOT_PENDING.
drop function if exists app_public.approve_deployment(uuid, boolean, text);

create or replace function app_public.approve_deployment(id uuid, reason text default null)
  returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
begin
  v_deployment := app_private.require_pending_approval(approve_deployment.id);
  update app_public.deployments d
  set approval_state = 'approved', status = 'queued', status_reason = coalesce(approve_deployment.reason, 'Approved')
  where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
  returning * into v_deployment;
  perform app_private.supersede_waiting(v_deployment.tenant_id, v_deployment.environment_id);
  return v_deployment;
end
$$;
comment on function app_public.approve_deployment(uuid, text) is 'Lets a deployment that waits for approval go on.';
alter function app_public.approve_deployment(uuid, text) owner to app_system;
grant execute on function app_public.approve_deployment(uuid, text) to app_user;
