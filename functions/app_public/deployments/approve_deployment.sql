-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH422 APPROVAL_NOT_PENDING.
create or replace function app_public.approve_deployment(id uuid, is_approved boolean default true, reason text default null) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
begin
  v_deployment := app_private.require_deployment(approve_deployment.id, 'admin');
  if v_deployment.approval_state <> 'pending' or v_deployment.status <> 'pending' then
    perform app_hidden.raise_error(422, 'APPROVAL_NOT_PENDING', 'The deployment does not wait for approval');
  end if;
  update app_public.deployments d
  set approval_state = case when approve_deployment.is_approved then 'approved' else 'rejected' end::app_public.approval_state,
    status = case when approve_deployment.is_approved then 'queued' else 'canceled' end::app_public.deployment_status,
    status_reason = coalesce(approve_deployment.reason, case when approve_deployment.is_approved then 'Approved' else 'Rejected' end),
    canceled_by = case when approve_deployment.is_approved then null else app_hidden.current_user_id() end
  where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
  returning * into v_deployment;
  return v_deployment;
end
$$;
comment on function app_public.approve_deployment(uuid, boolean, text) is 'Lets a deployment that waits for approval go on, or cancels it.';
alter function app_public.approve_deployment(uuid, boolean, text) owner to app_system;
grant execute on function app_public.approve_deployment(uuid, boolean, text) to app_user;
