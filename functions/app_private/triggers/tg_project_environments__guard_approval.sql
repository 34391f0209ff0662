-- Raises FH403 FORBIDDEN. Writers without a rank are the platform's own.
create or replace function app_private.tg_project_environments__guard_approval() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  if app_hidden.project_rank(NEW.project_id) < 'admin' then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Only an admin can lift the approval of an environment',
      '{"required": "admin"}');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg_project_environments__guard_approval() is
  'Lets only admins stop asking for approval: whoever needs it could lift it otherwise.';
