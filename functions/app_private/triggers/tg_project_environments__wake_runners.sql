create or replace function app_private.tg_project_environments__wake_runners() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_notify('events:' || NEW.tenant_id, '{"subjectType": "deployment"}');
  return null;
end
$$;
comment on function app_private.tg_project_environments__wake_runners() is
  'Lets runners that wait look again when an environment takes more of them.';
