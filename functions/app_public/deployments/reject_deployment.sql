-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH422 APPROVAL_NOT_PENDING.
create or replace function app_public.reject_deployment(id uuid, reason text default null)
  returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
begin
  v_deployment := app_private.require_pending_approval(reject_deployment.id);
  update app_public.deployments d
  set approval_state = 'rejected', status = 'canceled', status_reason = coalesce(reject_deployment.reason, 'Rejected'),
    canceled_by = app_hidden.current_user_id()
  where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
  returning * into v_deployment;
  return v_deployment;
end
$$;
comment on function app_public.reject_deployment(uuid, text) is
  'Refuses a deployment that waits for approval, which cancels it.';
alter function app_public.reject_deployment(uuid, text) owner to app_system;
grant execute on function app_public.reject_deployment(uuid, text) to app_user;
