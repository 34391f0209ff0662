-- Raises FH404 ENVIRONMENT_NOT_FOUND, FH422 ENVIRONMENT_INACTIVE or PROJECT_ARCHIVED.
-- Everything it does is one transaction with the mark that it was done, so a crash leaves all or nothing.
create or replace function app_private.apply_webhook_event(tenant_id uuid, webhook_event_id uuid) returns text
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_event         app_public.webhook_events;
  v_new           app_public.deployments;
  v_branch        text;
  v_outcome       text;
  v_deployment_id uuid;
begin
  select * into v_event
  from app_public.webhook_events e
  where e.tenant_id = apply_webhook_event.tenant_id and e.id = apply_webhook_event.webhook_event_id
  for no key update;
  if v_event.id is null then
    return 'gone';
  elsif v_event.processed_at is not null then
    return v_event.outcome;
  end if;

  v_branch := case when v_event.payload ->> 'ref' like 'refs/heads/%' then substr(v_event.payload ->> 'ref', 12) end;
  if not exists (
    select from app_public.tenants t
    where t.id = v_event.tenant_id and t.is_active and t.deleted_at is null)
  then
    v_outcome := 'ignored: the tenant is suspended or closed';
  elsif v_event.event_type <> 'push' or v_branch is null then
    v_outcome := 'ignored: not a push to a branch';
  elsif not app_private.is_ref_valid(v_event.payload ->> 'ref') then
    v_outcome := 'ignored: not a name of a ref';
  elsif v_event.payload -> 'deleted' = 'true' or coalesce(v_event.payload ->> 'after', '') !~ '^[0-9a-f]{40,64}$'
    or v_event.payload ->> 'after' ~ '^0+$'
  then
    v_outcome := 'ignored: the branch was deleted';
  else
    select e.id into v_new.environment_id
    from app_public.project_environments e
    where e.tenant_id = v_event.tenant_id and e.project_id = v_event.project_id and e.branch = v_branch
      and e.is_active and e.deleted_at is null;
    if v_new.environment_id is null then
      v_outcome := 'ignored: no environment deploys this branch';
    elsif exists (
      select from app_public.projects p
      where p.tenant_id = v_event.tenant_id and p.id = v_event.project_id
        and (p.archived_at is not null or p.deleted_at is not null))
    then
      v_outcome := 'ignored: the project is archived or deleted';
    else
      v_new.tenant_id := v_event.tenant_id;
      v_new.project_id := v_event.project_id;
      v_new.commit_sha := v_event.payload ->> 'after';
      v_new.ref := v_event.payload ->> 'ref';
      -- The project says what is cloned; the sender, whose secret is no key to that, only where it says nothing.
      select v_event.payload -> 'repository' ->> 'clone_url' into v_new.repo_url
      from app_public.projects p
      where p.tenant_id = v_event.tenant_id and p.id = v_event.project_id and p.repository_url is null
        and app_private.is_repository_allowed(v_event.payload -> 'repository' ->> 'clone_url');
      v_new.idempotency_key := 'webhook:' || v_event.id;
      v_deployment_id := (app_private.insert_deployment(v_new, null)).id;
      v_outcome := 'deployment_requested';
    end if;
  end if;

  update app_public.webhook_events e
  set processed_at = now(), outcome = v_outcome, deployment_id = v_deployment_id,
    attempts = e.attempts + 1, error = null
  where e.tenant_id = v_event.tenant_id and e.id = v_event.id;
  perform app_private.record_event(
    'webhook.applied', v_event.tenant_id, 'webhook_event', v_event.id, v_event.project_id,
    jsonb_strip_nulls(jsonb_build_object('source', v_event.source, 'eventType', v_event.event_type,
      'outcome', v_outcome, 'deploymentId', v_deployment_id)));
  return v_outcome;
end
$$;
comment on function app_private.apply_webhook_event(uuid, uuid) is
  'Applies one event of the inbox, once: a push to the branch of an environment requests its deployment. Returns the '
  'outcome.';
alter function app_private.apply_webhook_event(uuid, uuid) owner to app_system;
grant execute on function app_private.apply_webhook_event(uuid, uuid) to freehold_worker;
