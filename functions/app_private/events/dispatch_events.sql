-- The one place where events become jobs and live updates. Pointer out and consequences in are one transaction.
create or replace function app_private.dispatch_events(max_count integer default 500) returns integer
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_event app_public.events;
  v_count integer := 0;
begin
  for v_event in
    with taken as (
      delete from app_private.undispatched_events u
      where (u.tenant_id, u.created_at, u.event_id) in (
        select q.tenant_id, q.created_at, q.event_id
        from app_private.undispatched_events q
        order by q.created_at, q.event_id
        limit dispatch_events.max_count
        for update skip locked)
      returning u.tenant_id, u.created_at, u.event_id
    )
    select e.*
    from taken t
    join app_public.events e on e.tenant_id = t.tenant_id and e.created_at = t.created_at and e.id = t.event_id
    order by e.created_at, e.id
  loop
    perform pg_notify('events:' || v_event.tenant_id, json_build_object(
      'id', v_event.id, 'createdAt', v_event.created_at, 'type', v_event.type, 'subjectType', v_event.subject_type,
      'subjectId', v_event.subject_id, 'projectId', v_event.project_id)::text);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function app_private.dispatch_events(integer) is
  'Turns waiting events, once each, into what follows from them; returns how many it took.';
alter function app_private.dispatch_events(integer) owner to app_system;
grant execute on function app_private.dispatch_events(integer) to freehold_worker;
