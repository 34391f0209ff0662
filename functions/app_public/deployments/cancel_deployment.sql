-- Raises what transition_deployment raises.
create or replace function app_public.cancel_deployment(id uuid, reason text default null) returns app_public.deployments
  language sql volatile
  set search_path to pg_catalog, pg_temp
as $$
  select app_public.transition_deployment(cancel_deployment.id, 'canceled', cancel_deployment.reason)
$$;
comment on function app_public.cancel_deployment(uuid, text) is 'Cancels a deployment that has not succeeded yet.';
grant execute on function app_public.cancel_deployment(uuid, text) to app_user;
