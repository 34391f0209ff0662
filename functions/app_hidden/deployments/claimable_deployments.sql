-- Definer: it sees behind the policies and tests again what they test, and what the narrowing of a key says.
create or replace function app_hidden.claimable_deployments(
  environments text[] default null,
  deployment_id uuid default null
) returns table (id uuid, environment_id uuid)
  language sql stable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select d.id, d.environment_id
  from app_public.deployments d
  join app_public.project_environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
  where d.tenant_id = app_hidden.current_tenant_id()
    and (select app_hidden.is_permitted('deployments:write'))
    and (select app_hidden.has_role('developer'))
      <> (d.project_id = any ((select app_hidden.project_ids_apart('developer'))::uuid[]))
    and (claimable_deployments.deployment_id is null or d.id = claimable_deployments.deployment_id)
    and (claimable_deployments.environments is null or e.name = any (claimable_deployments.environments))
    and d.status in ('pending', 'queued', 'building', 'deploying')
    and (d.status in ('pending', 'queued') or d.lease_expires_at < statement_timestamp() or d.lease_expires_at is null)
    and d.approval_state in ('not_required', 'approved')
    and app_private.is_repository_allowed(d.repo_url)
    and d.project_id <> all ((select app_hidden.hidden_project_ids())::uuid[])
    and ((select app_hidden.current_project_id()) is null or d.project_id = (select app_hidden.current_project_id()))
    and ((select app_hidden.current_environment_id()) is null
      or d.environment_id = (select app_hidden.current_environment_id()))
    and e.max_builds > (
      select count(*)
      from app_public.deployments h
      where h.tenant_id = d.tenant_id and h.environment_id = d.environment_id
        and h.status in ('building', 'deploying') and h.lease_expires_at >= statement_timestamp())
  order by d.id
$$;
comment on function app_hidden.claimable_deployments(text[], uuid) is
  'Deployments that the request may claim now, the oldest first: what waits, or whose runner was lost, where the '
  'environment is not busy.';
alter function app_hidden.claimable_deployments(text[], uuid) owner to app_system;
grant execute on function app_hidden.claimable_deployments(text[], uuid) to app_user;
