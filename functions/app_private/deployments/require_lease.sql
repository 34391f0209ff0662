-- Raises FH409 LEASE_LOST.
create or replace function app_private.require_lease(deployment app_public.deployments, runner text) returns void
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if require_lease.runner is null or (require_lease.deployment).runner is distinct from require_lease.runner then
    perform app_hidden.raise_error(409, 'LEASE_LOST', 'Another runner, or none, holds the deployment',
      jsonb_build_object('status', (require_lease.deployment).status));
  end if;
end
$$;
comment on function app_private.require_lease(app_public.deployments, text) is
  'Refuses a runner that does not hold the deployment any more.';
grant execute on function app_private.require_lease(app_public.deployments, text) to app_system;
