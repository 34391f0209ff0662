create or replace function app_hidden.is_permitted(permission text) returns boolean
  language sql stable parallel safe
as $$
  select coalesce(nullif(current_setting('app.permissions', true), '')::jsonb ? is_permitted.permission, true)
    -- A key narrowed to a project changes what lies in the project and nothing that is the tenant's.
    and (nullif(current_setting('app.project_id', true), '') is null
      or split_part(is_permitted.permission, ':', 1) in ('projects', 'environments', 'deployments', 'webhooks'))
$$;
comment on function app_hidden.is_permitted(text) is
  'Whether the API key of the request allows "<resource>:<verb>"; always for people. A key narrowed to a project '
  'allows what lies in a project only.';
grant execute on function app_hidden.is_permitted(text) to app_anonymous, app_user, app_system, freehold_worker;
