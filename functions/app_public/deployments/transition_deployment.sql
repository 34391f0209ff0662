-- Raises FH400 TENANT_REQUIRED or URL_NOT_VALID, FH403 FORBIDDEN, FH404 DEPLOYMENT_NOT_FOUND, FH409 LEASE_LOST,
-- FH422 DEPLOYMENT_TRANSITION_NOT_ALLOWED or APPROVAL_PENDING.
drop function if exists app_public.transition_deployment(
  uuid, app_public.deployment_status, text, text, text, text, text, text);

create or replace function app_public.transition_deployment(
  id uuid,
  status app_public.deployment_status,
  reason text default null,
  url text default null,
  error_message text default null,
  external_id text default null,
  provider text default null,
  lease_token text default null
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_deployment app_public.deployments;
  v_is_bearer  boolean;
  v_is_held    boolean;
  v_may_move   boolean;
begin
  v_deployment := app_private.require_deployment(transition_deployment.id, 'developer');
  v_is_bearer := app_private.is_lease_bearer(v_deployment, transition_deployment.lease_token);
  v_is_held := v_deployment.runner is not null;
  if transition_deployment.status is null
    or transition_deployment.status in ('pending', 'queued', 'rolled_back', 'superseded')
  then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_TRANSITION_NOT_ALLOWED',
      'The platform alone moves a deployment there',
      jsonb_build_object('from', v_deployment.status, 'to', transition_deployment.status));
  elsif transition_deployment.status = v_deployment.status
    and (v_is_bearer or transition_deployment.lease_token is null)
  then
    -- A retry of a move that was made, by a runner after its last one too.
    return v_deployment;
  end if;
  v_may_move := case
    when transition_deployment.lease_token is not null and not v_is_bearer then false
    when v_is_held then v_is_bearer or transition_deployment.status = 'canceled'
    -- Nobody builds it: of what serves tells whoever watches it, what waits can be canceled, what is over says so.
    when v_deployment.status in ('ready', 'running') then true
    else transition_deployment.lease_token is null and (transition_deployment.status = 'canceled'
      or not app_hidden.is_deployment_move_allowed(v_deployment.status, transition_deployment.status))
  end;
  if not v_may_move
    or (not (v_is_held and v_is_bearer)
      and num_nonnulls(
        transition_deployment.url, transition_deployment.external_id, transition_deployment.provider) > 0)
  then
    perform app_hidden.raise_error(409, 'LEASE_LOST',
      'Only the runner that claimed the deployment and holds it says so',
      jsonb_build_object('status', v_deployment.status));
  elsif length(transition_deployment.url) > 500 or transition_deployment.url !~
    '^https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?([/?#][!#-;=?-_a-z~]*)?$'
  then
    perform app_hidden.raise_error(400, 'URL_NOT_VALID',
      'An address is http or https and a host, without user and password, in at most 500 characters');
  end if;
  update app_public.deployments d
  set status = transition_deployment.status,
    status_reason = transition_deployment.reason,
    deployment_url = coalesce(transition_deployment.url, d.deployment_url),
    error_message = coalesce(transition_deployment.error_message, d.error_message),
    provider = coalesce(transition_deployment.provider, d.provider),
    external_id = coalesce(transition_deployment.external_id, d.external_id),
    canceled_by =
      case when transition_deployment.status = 'canceled' then app_hidden.current_user_id() else d.canceled_by end
  where d.tenant_id = v_deployment.tenant_id and d.id = v_deployment.id
  returning * into v_deployment;
  return v_deployment;
end
$$;
comment on function
  app_public.transition_deployment(uuid, app_public.deployment_status, text, text, text, text, text, text) is
  'Moves a deployment along the state machine. Until it serves, only the bearer of its lease does, who alone says its '
  'url, provider and external id; others may cancel it. Moving to the status it has changes nothing.';
alter function
  app_public.transition_deployment(uuid, app_public.deployment_status, text, text, text, text, text, text)
  owner to app_system;
grant execute on function
  app_public.transition_deployment(uuid, app_public.deployment_status, text, text, text, text, text, text)
  to app_user;
