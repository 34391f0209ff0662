-- Whoever calls it has written or locked the row of the subject in this transaction: the position in the order of
-- dispatch, which the pointer takes, then rises in the order of the commits. It is taken after the event was written,
-- so the transaction has its id by then, on which move_horizon relies.
create or replace function app_private.record_event(
  type text,
  tenant_id uuid,
  subject_type text,
  subject_id uuid,
  project_id uuid,
  data jsonb default '{}'
) returns uuid
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
  v_at timestamptz;
begin
  insert into app_public.events (
    tenant_id, type, subject_type, subject_id, project_id, data,
    actor_type, actor_user_id, actor_api_key_id, request_id)
  values (
    record_event.tenant_id, record_event.type, record_event.subject_type, record_event.subject_id,
    record_event.project_id, record_event.data,
    app_hidden.current_actor_type(), app_hidden.current_user_id(), app_hidden.current_api_key_id(),
    app_hidden.current_request_id())
  returning id, created_at into v_id, v_at;
  insert into app_private.undispatched_events (tenant_id, created_at, event_id)
  values (record_event.tenant_id, v_at, v_id);
  return v_id;
end
$$;
comment on function app_private.record_event(text, uuid, text, uuid, uuid, jsonb) is
  'Appends an event and its pointer for the dispatcher; returns the id of the event.';
alter function app_private.record_event(text, uuid, text, uuid, uuid, jsonb) owner to app_system;
