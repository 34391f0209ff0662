-- Raises FH422 DEPLOYMENT_REQUEST_FROZEN.
create or replace function app_private.tg_deployments__keep_request() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if (OLD.project_id, OLD.environment_id, OLD.environment, OLD.commit_sha, OLD.ref, OLD.config_snapshot, OLD.created_at)
    is distinct from
    (NEW.project_id, NEW.environment_id, NEW.environment, NEW.commit_sha, NEW.ref, NEW.config_snapshot, NEW.created_at)
  then
    perform app_hidden.raise_error(422, 'DEPLOYMENT_REQUEST_FROZEN',
      'What was asked for does not change; request another deployment');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_deployments__keep_request() is 'Freezes what was asked for.';
alter function app_private.tg_deployments__keep_request() owner to app_system;
