-- The older daemons write their documents as JSON into a string.
create or replace function app_private.audit_event_document(value jsonb) returns jsonb
  language sql stable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(value) <> 'string' then nullif(value, 'null')
    when pg_input_is_valid(value #>> '{}', 'jsonb') then nullif((value #>> '{}')::jsonb, 'null')
  end
$$;
comment on function app_private.audit_event_document(jsonb) is
  'The document of an event that a daemon reports, written as JSON or as JSON in a string; null when there is none.';
grant execute on function app_private.audit_event_document(jsonb) to app_system;
