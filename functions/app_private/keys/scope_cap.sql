create or replace function app_private.scope_cap(scopes app_public.api_scope[]) returns app_public.member_role
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select (case max(s)
    when 'admin' then 'admin'
    when 'write' then 'developer'
    else 'viewer'
  end)::app_public.member_role
  from unnest(scope_cap.scopes) s
$$;
comment on function app_private.scope_cap(app_public.api_scope[]) is 'Rank that the highest scope of a key allows.';
grant execute on function app_private.scope_cap(app_public.api_scope[]) to app_system;
