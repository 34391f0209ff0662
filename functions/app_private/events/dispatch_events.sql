-- The one place where events become jobs and live updates. Pointer out and consequences in are one transaction, and
-- one at a time: notifications are heard in the order of commits, and of two dispatchers the second could overtake the
-- first with a later event of the same subject.
-- Each statement has its own snapshot and goes along the index of positions from what is settled: what was dispatched
-- stays in the index for as long as some transaction may still see it, be it ten million rows.
create or replace function app_private.dispatch_events(max_count integer default 500) returns integer
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
  set enable_seqscan to off
  set enable_bitmapscan to off
as $$
declare
  v_latest  bigint;
  v_over    xid8;
  v_settled bigint;
  v_first   bigint;
  v_event   record;
  v_count   integer := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('dispatch_events', 0));
  -- Nobody has taken one yet where the migration numbered what waited.
  v_latest := coalesce(pg_sequence_last_value('app_private.undispatched_events_position_seq'), 0);
  v_over := pg_snapshot_xmin(pg_current_snapshot());
  select h.settled into v_settled from app_private.horizons h where h.name = 'events' order by h.mark desc limit 1;
  v_settled := coalesce(v_settled, 0);
  select q.position into v_first
  from app_private.undispatched_events q
  where q.position > v_settled
  order by q.position limit 1;
  if v_first is null then
    return 0;
  end if;
  -- A thousand of the finished are passed over faster than it is written down where they end.
  perform app_private.move_horizon('events', v_over, 0, v_first - 1, v_latest, 1000);

  for v_event in
    with taken as (
      delete from app_private.undispatched_events u
      where u.ctid = any (array(
        select q.ctid
        from app_private.undispatched_events q
        where q.position >= v_first
        order by q.position limit dispatch_events.max_count))
      returning u.tenant_id, u.created_at, u.event_id, u.position
    )
    select e.*
    from taken t
    cross join lateral (
      select * from app_public.events e
      where e.tenant_id = t.tenant_id and e.created_at = t.created_at and e.id = t.event_id offset 0) e
    order by t.position
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
  'Turns waiting events, once each and those of one subject in the order of their commits, into what follows from '
  'them; returns how many it took. Waits while another does.';
alter function app_private.dispatch_events(integer) owner to app_system;
grant execute on function app_private.dispatch_events(integer) to freehold_worker;
