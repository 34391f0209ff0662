-- Raises FH409 LEASE_LOST.
drop function if exists app_private.require_lease(app_public.deployments, text);

create or replace function app_private.require_lease(deployment app_public.deployments, lease_token text) returns void
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if (require_lease.deployment).runner is null
    or not app_private.is_lease_bearer(require_lease.deployment, require_lease.lease_token)
  then
    perform app_hidden.raise_error(409, 'LEASE_LOST', 'Another runner, or none, holds the deployment',
      jsonb_build_object('status', (require_lease.deployment).status));
  end if;
end
$$;
comment on function app_private.require_lease(app_public.deployments, text) is
  'Refuses whoever does not bear the lease under which the deployment is held now.';
grant execute on function app_private.require_lease(app_public.deployments, text) to app_system;
