-- Raises FH400 BAD_USER_INPUT or TENANT_REQUIRED, FH403 FORBIDDEN, FH422 AUDIT_EVENTS_NOT_VALID with the errors by
-- line.
create or replace function app_public.record_audit_events(events jsonb) returns app_public.recorded_audit_events
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
  v_errors    jsonb;
  v_count     integer;
begin
  v_tenant_id := app_private.require_role('developer', 'audit:write');
  if app_hidden.current_api_key_id() is null then
    perform app_hidden.raise_error(403, 'FORBIDDEN', 'Daemons report with an API key', '{"required": "api_key"}');
  elsif jsonb_typeof(record_audit_events.events) is distinct from 'array'
    or jsonb_array_length(record_audit_events.events) > 10000
  then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT', 'Events are a list of at most 10 000');
  end if;

  select jsonb_agg(jsonb_build_object('line', e.line, 'message', p.message) order by e.line) into v_errors
  from jsonb_array_elements(record_audit_events.events) with ordinality e (event, line)
  cross join lateral app_private.audit_event_problem(e.event) p (message)
  where p.message is not null;
  -- A key speaks of its own colleagues only. Their ids are found once, not once an event.
  if v_errors is null then
    select jsonb_agg(
      jsonb_build_object('line', e.line, 'message', 'user_id is no member of the tenant') order by e.line)
    into v_errors
    from jsonb_array_elements(record_audit_events.events) with ordinality e (event, line)
    left join app_public.tenant_members m
      on m.tenant_id = v_tenant_id and m.invitation_status = 'joined'
      and m.user_id = nullif(e.event ->> 'user_id', '')::uuid
    where e.event ->> 'user_id' <> '' and m.id is null;
  end if;
  if v_errors is not null then
    perform app_hidden.raise_error(422, 'AUDIT_EVENTS_NOT_VALID', 'Nothing was stored: some events are not valid',
      jsonb_build_object('errors', v_errors));
  end if;

  with
    events as (
      select distinct on (id) id, e.event
      from jsonb_array_elements(record_audit_events.events) with ordinality e (event, line)
      cross join lateral (select (e.event ->> 'id')::uuid as id) i
      order by id, e.line),
    fresh as (
      insert into app_private.audit_event_ids (tenant_id, id)
      select v_tenant_id, v.id from events v
      on conflict on constraint audit_event_ids_pkey do nothing
      returning id)
  insert into app_public.audit_logs (
    tenant_id, occurred_at, id, action, user_id, actor_type, api_key_id, resource_type, resource_id, details,
    ip_address, user_agent, request_id)
  select v_tenant_id, (v.event ->> 'created_at')::timestamptz, v.id,
    v.event ->> 'action', nullif(v.event ->> 'user_id', '')::uuid,
    'api', app_hidden.current_api_key_id(), v.event ->> 'entity_type', (v.event ->> 'entity_id')::uuid,
    jsonb_strip_nulls(jsonb_build_object(
      'diff', app_private.audit_event_document(v.event -> 'diff'),
      'snapshot', app_private.audit_event_document(v.event -> 'snapshot'))),
    app_hidden.current_ip(), app_hidden.current_user_agent(), app_hidden.current_request_id()
  from fresh f
  join events v on v.id = f.id;
  get diagnostics v_count = row_count;
  return row(v_count, jsonb_array_length(record_audit_events.events) - v_count)::app_public.recorded_audit_events;
end
$$;
comment on function app_public.record_audit_events(jsonb) is
  'Stores the events that a daemon reports, all or none: {id, entity_id, action, user_id, diff, snapshot, '
  'created_at} each, entity_type if it likes. user_id is a member of the tenant, or null or empty; diff and snapshot '
  'are objects, or objects written as a string. An event whose id is known is not stored again.';
alter function app_public.record_audit_events(jsonb) owner to app_system;
grant execute on function app_public.record_audit_events(jsonb) to app_user;
