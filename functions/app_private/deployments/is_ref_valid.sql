-- What git check-ref-format refuses, and what a command line would take for an option.
create or replace function app_private.is_ref_valid(ref text) returns boolean
  language sql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    is_ref_valid.ref ~ '^[^-/]' and is_ref_valid.ref !~ '^refs/[^/]+/-'
      and is_ref_valid.ref !~ '[[:cntrl:][:space:]~^:?*[\\]'
      and is_ref_valid.ref !~ '([.][.]|@[{]|//|/$|[.]$|[.]lock$)',
    true)
$$;
comment on function app_private.is_ref_valid(text) is
  'Whether a text can be the name of a git ref or branch and nothing else; null can.';
grant execute on function app_private.is_ref_valid(text) to app_system;
