-- Raises FH400 TENANT_REQUIRED, FH403 FORBIDDEN, FH404 PROJECT_NOT_FOUND or ENVIRONMENT_NOT_FOUND,
-- FH409 IDEMPOTENCY_KEY_REUSED, FH422 NOTHING_TO_BUILD, ENVIRONMENT_INACTIVE or PROJECT_ARCHIVED.
create or replace function app_public.request_deployment(
  project_id uuid,
  environment text default 'production',
  commit_sha text default null,
  ref text default null,
  version text default null,
  config jsonb default '{}',
  idempotency_key text default null
) returns app_public.deployments
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_new      app_public.deployments;
  v_request  jsonb;
  v_response jsonb;
begin
  -- Null is as if nothing were said.
  request_deployment.environment := coalesce(request_deployment.environment, 'production');
  request_deployment.config := coalesce(request_deployment.config, '{}');
  v_new.project_id := (app_private.require_project(
    request_deployment.project_id, 'developer', 'deployments:write', is_whole => false)).id;
  v_new.tenant_id := app_hidden.current_tenant_id();
  v_new.commit_sha := lower(request_deployment.commit_sha);
  v_new.ref := request_deployment.ref;
  if v_new.commit_sha is null and v_new.ref is null then
    perform app_hidden.raise_error(422, 'NOTHING_TO_BUILD', 'Say which commit or ref to build');
  end if;
  v_new.version := request_deployment.version;
  v_new.config_snapshot := coalesce(request_deployment.config, '{}');
  if request_deployment.idempotency_key is null then
    return app_private.insert_deployment(v_new, request_deployment.environment);
  end if;

  v_request := jsonb_build_array(
    v_new.project_id, request_deployment.environment,
    v_new.commit_sha, v_new.ref, v_new.version, v_new.config_snapshot);
  v_response := app_private.find_idempotent_response(
    'request_deployment', request_deployment.idempotency_key, v_request);
  if v_response is not null then
    select * into v_new
    from app_public.deployments d
    where d.tenant_id = v_new.tenant_id and d.id = (v_response ->> 'id')::uuid;
    return v_new;
  end if;
  -- The key is the client's to reuse after a day, but the column is unique for good.
  v_new.idempotency_key := case when not exists (
    select from app_public.deployments d
    where d.tenant_id = v_new.tenant_id and d.idempotency_key = request_deployment.idempotency_key)
    then request_deployment.idempotency_key end;
  v_new := app_private.insert_deployment(v_new, request_deployment.environment);
  perform app_private.store_idempotent_response(
    'request_deployment', request_deployment.idempotency_key, v_request, jsonb_build_object('id', v_new.id));
  return v_new;
end
$$;
comment on function app_public.request_deployment(uuid, text, text, text, text, jsonb, text) is
  'Asks for a commit, or what a ref names, to be brought to an environment, named as in the project. With an '
  'idempotency key, a retry within a day gets the same deployment.';
alter function app_public.request_deployment(uuid, text, text, text, text, jsonb, text) owner to app_system;
grant execute on function app_public.request_deployment(uuid, text, text, text, text, jsonb, text) to app_user;
