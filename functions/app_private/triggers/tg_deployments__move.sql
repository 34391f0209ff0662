-- Raises FH422 DEPLOYMENT_TRANSITION_NOT_ALLOWED or APPROVAL_PENDING. Lock order: environment before deployment;
-- transition_deployment takes them so.
create or replace function app_private.tg_deployments__move() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_now     timestamptz := clock_timestamp();
  v_current app_public.deployments;
begin
  if NEW.status = OLD.status then
    -- Which one is current follows from the moves, nobody sets it.
    NEW.is_current := OLD.is_current;
    return NEW;
  elsif not app_hidden.is_deployment_move_allowed(OLD.status, NEW.status) then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_TRANSITION_NOT_ALLOWED',
      format('A deployment can not move from %s to %s', OLD.status, NEW.status),
      jsonb_build_object('from', OLD.status, 'to', NEW.status));
  elsif NEW.approval_state in ('pending', 'rejected') and NEW.status not in ('failed', 'canceled', 'superseded') then
    perform app_hidden.raise_error(422, 'APPROVAL_PENDING', 'The deployment waits for approval');
  end if;

  NEW.is_current := OLD.is_current and NEW.status in ('ready', 'running');
  if NEW.status in ('ready', 'running') and OLD.status not in ('ready', 'running') then
    -- Whoever becomes current holds the environment, so there is one at a time.
    perform from app_public.project_environments e
    where e.tenant_id = NEW.tenant_id and e.id = NEW.environment_id
    for no key update;
    select * into v_current
    from app_public.deployments d
    where d.tenant_id = NEW.tenant_id and d.project_id = NEW.project_id
      and d.environment_id = NEW.environment_id and d.is_current;

    if v_current.id > NEW.id then
      NEW.status := 'superseded';
      NEW.status_reason := 'A newer deployment is current';
    elsif v_current.id is null or not v_current.is_locked then
      update app_public.deployments d
      set status = case
          when NEW.rollback_of_id = d.id then 'rolled_back' else 'superseded'
        end::app_public.deployment_status,
        status_reason = 'Replaced by deployment ' || NEW.id
      where d.tenant_id = v_current.tenant_id and d.id = v_current.id;
      NEW.is_current := true;
      NEW.promoted_at := v_now;
    end if;
  end if;

  if NEW.status = 'building' then
    NEW.started_at := coalesce(NEW.started_at, v_now);
    NEW.build_started_at := v_now;
    NEW.build_finished_at := null;
  elsif OLD.status = 'building' and NEW.status <> 'queued' then
    NEW.build_finished_at := v_now;
  end if;
  if NEW.status not in ('pending', 'queued', 'building', 'deploying') then
    NEW.completed_at := coalesce(NEW.completed_at, v_now);
  end if;
  if NEW.status not in ('building', 'deploying') then
    NEW.runner := null;
    NEW.lease_expires_at := null;
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_deployments__move() is
  'Enforces the state machine, stamps times, and keeps exactly one current deployment per environment.';
alter function app_private.tg_deployments__move() owner to app_system;
