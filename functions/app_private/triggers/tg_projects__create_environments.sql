create or replace function app_private.tg_projects__create_environments() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  -- A project that a revert brings back has its own again.
  if current_setting('app.is_reverting', true) = 'on' then
    return null;
  end if;
  insert into app_public.project_environments (tenant_id, project_id, name, type, branch)
  values (NEW.tenant_id, NEW.id, 'staging', 'staging', nullif('staging', NEW.repository_branch)),
         (NEW.tenant_id, NEW.id, 'production', 'production', NEW.repository_branch);
  perform app_private.record_event('project.created', NEW.tenant_id, 'project', NEW.id, NEW.id,
    jsonb_build_object('name', NEW.name, 'slug', NEW.slug));
  return null;
end
$$;
comment on function app_private.tg_projects__create_environments() is
  'Gives a new project its staging and production environments.';
alter function app_private.tg_projects__create_environments() owner to app_system;
