--! Previous: sha1:d7baf144e580a593322eeb8cc9562ae9c67ba24d
--! Hash: sha1:e05056bbd4c28aa0cfaf2c0c0ca52bc7a4923c40
--! Message: events are told in the order of their commits

-- Events are told in the order of their commits, and work that goes through what others commit says how far it has come.
-- Locks: access exclusive on undispatched_events, from here to the end, as long as numbering what waits in it takes: what records an
--   event waits meanwhile. Access exclusive on events and its partitions for the moment of changing a default.
-- Rows touched: undispatched_events, each once. What waits gets the lowest numbers, and so goes out first.
-- Safe while the old code runs: yes. It does not name the new column, which fills itself, and orders by the time as before until its
--   functions are replaced.

-- By the start of its transaction an event could come before one that happened and was told earlier.
alter table app_public.events alter column created_at set default clock_timestamp();

alter table app_private.undispatched_events add column if not exists position bigint;
-- A version 7 UUID was made when the event was recorded, which is under the lock of its subject. A database that is being built has no
-- rows, and no grants yet.
do $$
begin
  if has_table_privilege('app_system', 'app_private.undispatched_events', 'select, update') then
    set local row_security = on;
    set local role app_system;
    update app_private.undispatched_events u
    set position = n.position
    from (
      select q.tenant_id, q.created_at, q.event_id, row_number() over (order by q.event_id) as position
      from app_private.undispatched_events q) n
    where u.tenant_id = n.tenant_id and u.created_at = n.created_at and u.event_id = n.event_id and u.position is null;
    reset role;
    set local row_security = off;
  end if;
end
$$;
-- It was just filled, under the same lock, and what waits is short.
-- squawk-ignore adding-not-nullable-field
alter table app_private.undispatched_events alter column position set not null;
alter table app_private.undispatched_events alter column position add generated always as identity;
do $$
begin
  if has_table_privilege('app_system', 'app_private.undispatched_events', 'select, update') then
    set local row_security = on;
    set local role app_system;
    perform set_config('migration.position', coalesce(max(u.position), 0)::text, true)
    from app_private.undispatched_events u;
    reset role;
    set local row_security = off;
    perform setval(
      'app_private.undispatched_events_position_seq', current_setting('migration.position')::bigint + 1, false);
  end if;
end
$$;
alter table app_private.undispatched_events
  drop constraint undispatched_events_pkey,
  -- squawk-ignore adding-serial-primary-key-field, disallowed-unique-constraint
  add constraint undispatched_events_pkey primary key (tenant_id, position);
-- squawk-ignore require-concurrent-index-creation
create index if not exists undispatched_events_position_idx on app_private.undispatched_events (position); -- dispatch_events
comment on column app_private.undispatched_events.tenant_id is 'Tenant the row belongs to.';
comment on column app_private.undispatched_events.created_at is 'When the event happened; with its id the key of the event.';
comment on column app_private.undispatched_events.event_id is 'The event.';
comment on column app_private.undispatched_events.position is
  'Place in the order of dispatch. Taken while the subject of the event is locked, so events of one subject are in the order of their commits.';

create table if not exists app_private.horizons (
  name              text   not null,
  mark              bigint not null,
  settled           bigint not null,
  until_transaction xid8   not null,
  constraint horizons_pkey primary key (name, mark),
  constraint horizons_name_check check (name in ('events', 'seals'))
);
comment on table app_private.horizons is
  'How far work has come that goes through what others commit. Of each name the row with the highest mark counts.';
comment on column app_private.horizons.name is
  'Which work: events, whose numbers are positions of undispatched_events; seals, whose numbers are microseconds since 1970.';
comment on column app_private.horizons.mark is
  'The latest number when the row was written: when every transaction before until_transaction is over, nothing up to it is still to come.';
comment on column app_private.horizons.settled is 'Nothing up to this number is left or still to come.';
comment on column app_private.horizons.until_transaction is 'The first transaction that may not have begun when mark was the latest number.';
alter table app_private.horizons enable row level security, force row level security;
