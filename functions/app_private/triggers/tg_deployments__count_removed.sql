create or replace function app_private.tg_deployments__count_removed() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.projects p
  set deployment_count = p.deployment_count - c.count
  from (
    select d.tenant_id, d.project_id, count(*)::integer as count
    from removed d
    group by d.tenant_id, d.project_id) c
  where p.tenant_id = c.tenant_id and p.id = c.project_id;
  return null;
end
$$;
comment on function app_private.tg_deployments__count_removed() is 'Keeps projects.deployment_count, once a statement.';
alter function app_private.tg_deployments__count_removed() owner to app_system;
