create or replace function app_hidden.current_scope_cap() returns app_public.member_role
  language sql stable parallel safe
as $$
  select app_private.scope_cap(
    string_to_array(nullif(current_setting('app.scopes', true), ''), ',')::app_public.api_scope[])
  where nullif(current_setting('app.scopes', true), '') is not null
$$;
comment on function app_hidden.current_scope_cap() is
  'Rank that the scopes of the API key of the request allow at most; null for people.';
grant execute on function app_hidden.current_scope_cap() to app_system;
