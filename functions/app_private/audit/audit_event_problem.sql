create or replace function app_private.audit_event_problem(event jsonb) returns text
  language sql stable
  set search_path to pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(event) is distinct from 'object' then 'an event is an object'
    when not coalesce(pg_input_is_valid(event ->> 'id', 'uuid'), false) then 'id is not a UUID'
    when not coalesce(pg_input_is_valid(event ->> 'entity_id', 'uuid'), false) then 'entity_id is not a UUID'
    when coalesce(length(event ->> 'action'), 0) not between 1 and 255
      then 'action is not a text of 1 to 255 characters'
    when not pg_input_is_valid(event ->> 'action', 'app_hidden.line')
      then 'action has a character that can not be seen, or that breaks or turns the line'
    when event ->> 'user_id' <> '' and not pg_input_is_valid(event ->> 'user_id', 'uuid')
      then 'user_id is neither a UUID nor null'
    when not coalesce(pg_input_is_valid(event ->> 'created_at', 'timestamptz'), false) then 'created_at is not a time'
    when event ->> 'created_at' !~ '^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}' then 'created_at is not a time of ISO 8601'
    when length(event ->> 'entity_type') > 255 then 'entity_type is longer than 255 characters'
    when not pg_input_is_valid(event ->> 'entity_type', 'app_hidden.line')
      then 'entity_type has a character that can not be seen, or that breaks or turns the line'
    when coalesce(event ->> 'diff', '') <> ''
      and jsonb_typeof(app_private.audit_event_document(event -> 'diff')) is distinct from 'object'
      then 'diff is not an object'
    when coalesce(event ->> 'snapshot', '') <> ''
      and jsonb_typeof(app_private.audit_event_document(event -> 'snapshot')) is distinct from 'object'
      then 'snapshot is not an object'
    when length(event::text) > 65536 then 'the event is larger than 64 KiB'
  end
$$;
comment on function app_private.audit_event_problem(jsonb) is
  'What is wrong with an event that a daemon reports; null when nothing is.';
grant execute on function app_private.audit_event_problem(jsonb) to app_system;
