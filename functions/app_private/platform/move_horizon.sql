-- Who goes through what others commit must not skip a number that was taken before and is committed after, and must not
-- begin at the first number either. Whatever wrote a number up to `latest` had begun before this transaction has an id:
-- by `until_transaction` a later call knows that all of these are over, and what they wrote was there to be seen.
create or replace function app_private.move_horizon(
  name text,
  over xid8,
  start bigint,
  done bigint,
  latest bigint,
  step bigint
) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_now app_private.horizons;
begin
  -- An id that was there already is older than `latest`, and says nothing.
  if pg_current_xact_id_if_assigned() is not null then
    return;
  end if;
  -- The newest first: older ones may have to stay, dead, for a long transaction.
  select * into v_now from app_private.horizons h where h.name = move_horizon.name order by h.mark desc limit 1;
  if move_horizon.latest < v_now.mark + move_horizon.step then
    return;
  -- One from the future was restored into another cluster, and will not come.
  elsif v_now.until_transaction > move_horizon.over and v_now.until_transaction <= pg_current_xact_id() then
    return;
  end if;
  insert into app_private.horizons (name, mark, settled, until_transaction)
  values (move_horizon.name, move_horizon.latest,
    case when v_now.until_transaction <= move_horizon.over
      then greatest(v_now.settled, least(v_now.mark, move_horizon.done))
      else coalesce(v_now.settled, move_horizon.start) end,
    pg_current_xact_id());
  delete from app_private.horizons h where h.name = move_horizon.name and h.mark = v_now.mark;
end
$$;
comment on function app_private.move_horizon(text, xid8, bigint, bigint, bigint, bigint) is
  'Writes down how far a work has come: nothing up to `done` is left by transactions before `over`, and `latest`, '
  'read in this transaction, is the latest number. `start` is where the work begins; less than `step` is not written.';
alter function app_private.move_horizon(text, xid8, bigint, bigint, bigint, bigint) owner to app_system;
