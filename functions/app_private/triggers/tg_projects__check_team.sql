-- Raises FH404 TEAM_NOT_FOUND.
create or replace function app_private.tg_projects__check_team() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if NEW.team_id is not null and not exists (
    select from app_public.teams t
    where t.tenant_id = NEW.tenant_id and t.id = NEW.team_id and t.deleted_at is null)
  then
    perform app_hidden.raise_error(404, 'TEAM_NOT_FOUND', 'No such team');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_projects__check_team() is 'Refuses a team that is gone.';
alter function app_private.tg_projects__check_team() owner to app_system;
