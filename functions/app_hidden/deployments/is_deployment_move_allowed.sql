create or replace function app_hidden.is_deployment_move_allowed(
  from_status app_public.deployment_status,
  to_status app_public.deployment_status
) returns boolean
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select (is_deployment_move_allowed.from_status, is_deployment_move_allowed.to_status) in (
    ('pending', 'queued'), ('pending', 'building'), ('pending', 'failed'), ('pending', 'canceled'),
    ('pending', 'superseded'),
    ('queued', 'building'), ('queued', 'failed'), ('queued', 'canceled'), ('queued', 'superseded'),
    -- Back to the queue: the runner was lost.
    ('building', 'queued'), ('building', 'deploying'), ('building', 'ready'), ('building', 'completed'),
    ('building', 'failed'), ('building', 'canceled'), ('building', 'superseded'),
    ('deploying', 'queued'), ('deploying', 'ready'), ('deploying', 'running'), ('deploying', 'completed'),
    ('deploying', 'failed'), ('deploying', 'canceled'), ('deploying', 'superseded'),
    ('ready', 'running'), ('ready', 'failed'), ('ready', 'stopped'), ('ready', 'rolled_back'), ('ready', 'superseded'),
    ('running', 'completed'), ('running', 'failed'), ('running', 'stopped'), ('running', 'rolled_back'),
    ('running', 'superseded'))
$$;
comment on function app_hidden.is_deployment_move_allowed(app_public.deployment_status, app_public.deployment_status) is
  'The state machine of deployments: whether one may move so. What is over does not move.';
grant execute on function
  app_hidden.is_deployment_move_allowed(app_public.deployment_status, app_public.deployment_status)
  to app_user, app_system, freehold_worker;
