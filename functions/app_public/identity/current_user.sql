-- Definer: who is nobody may not read the table, and is to be told null.
create or replace function app_public.current_user() returns app_public.users
  language sql stable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select u from app_public.users u where u.id = app_hidden.current_user_id() and app_hidden.current_project_id() is null
$$;
comment on function app_public.current_user() is
  'The person of the request; null when nobody is logged in, and for a key that is narrowed to a project.';
alter function app_public.current_user() owner to app_system;
grant execute on function app_public.current_user() to app_anonymous, app_user;
