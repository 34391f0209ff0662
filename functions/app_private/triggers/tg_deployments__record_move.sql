create or replace function app_private.tg_deployments__record_move() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_from   app_public.deployment_status;
  v_type   text := 'requested';
  v_runner text := NEW.runner;
begin
  if TG_OP = 'UPDATE' then
    if OLD.status = NEW.status then
      return null;
    end if;
    v_from := OLD.status;
    v_type := case NEW.status when 'ready' then 'succeeded' else NEW.status::text end;
    v_runner := coalesce(OLD.runner, NEW.runner);
  end if;
  insert into app_public.deployment_status_history (
    tenant_id, project_id, deployment_id, from_status, to_status, reason, runner,
    actor_type, actor_user_id, actor_api_key_id)
  values (
    NEW.tenant_id, NEW.project_id, NEW.id, v_from, NEW.status, NEW.status_reason, v_runner,
    app_hidden.current_actor_type(), app_hidden.current_user_id(), app_hidden.current_api_key_id());
  perform app_private.record_event('deployment.' || v_type, NEW.tenant_id, 'deployment', NEW.id, NEW.project_id,
    jsonb_strip_nulls(jsonb_build_object(
      'status', NEW.status, 'previousStatus', v_from,
      'environmentId', NEW.environment_id, 'environment', NEW.environment,
      'commitSha', NEW.commit_sha, 'ref', NEW.ref, 'url', NEW.deployment_url, 'reason', NEW.status_reason,
      'errorMessage', NEW.error_message)));

  if NEW.is_current and NEW.environment = 'production' and (TG_OP = 'INSERT' or not OLD.is_current) then
    update app_public.projects p
    set deployed_at = NEW.promoted_at, deployed_url = coalesce(NEW.deployment_url, p.deployed_url),
      current_version = coalesce(NEW.version, p.current_version),
      status = case when p.status = 'archived' then p.status else 'deployed' end
    where p.tenant_id = NEW.tenant_id and p.id = NEW.project_id;
  end if;
  return null;
end
$$;
comment on function app_private.tg_deployments__record_move() is
  'Appends each move to the history and to the events, and tells the project of its production.';
alter function app_private.tg_deployments__record_move() owner to app_system;
