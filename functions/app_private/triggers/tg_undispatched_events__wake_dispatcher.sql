create or replace function app_private.tg_undispatched_events__wake_dispatcher() returns trigger
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_notify('dispatch_events', '');
  return null;
end
$$;
comment on function app_private.tg_undispatched_events__wake_dispatcher() is
  'Wakes the dispatcher when the transaction commits.';
alter function app_private.tg_undispatched_events__wake_dispatcher() owner to app_system;
