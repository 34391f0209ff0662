-- Raises FH403 FORBIDDEN. Writers without a rank are the platform's own.
create or replace function app_private.tg_projects__guard_team() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if NEW.team_id is distinct from OLD.team_id and app_hidden.project_rank(OLD.id) < 'admin'
    and OLD.owner_id is distinct from app_hidden.current_user_id()
  then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Only its owner or an admin gives a project to another team',
      '{"required": "admin"}');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_projects__guard_team() is
  'Lets only admins and its owner change the team of a project: the roles of the team count in it.';
