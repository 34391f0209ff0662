create or replace function app_hidden.is_permitted(permission text) returns boolean
  language sql stable parallel safe
as $$
  select coalesce(nullif(current_setting('app.permissions', true), '')::jsonb ? is_permitted.permission, true)
$$;
comment on function app_hidden.is_permitted(text) is
  'Whether the API key of the request allows "<resource>:<verb>"; true when it is not narrowed, and for people.';
grant execute on function app_hidden.is_permitted(text) to app_anonymous, app_user, app_system, freehold_worker;
