-- Owned by freehold_owner: a partition belongs to the owner of its parent.
create or replace function app_private.ensure_partitions(months_ahead integer default null) returns integer
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_month date;
  v_name  text;
  v_count integer := 0;
begin
  for v_table in
    select c.oid::regclass as parent, c.relname as name, r.is_append_only,
      coalesce(ensure_partitions.months_ahead, (r.partition ->> 'ahead')::integer) as ahead
    from app_private.table_registry r
    join pg_class c on c.oid = to_regclass(r.table_name)
    where r.partition is not null
    order by r.table_name
  loop
    for v_month in
      select m::date
      from generate_series(date_trunc('month', now() at time zone 'utc'),
        date_trunc('month', now() at time zone 'utc') + make_interval(months => v_table.ahead), interval '1 month') m
    loop
      v_name := v_table.name || '_p' || to_char(v_month, 'YYYYMM');
      if to_regclass('partitions.' || quote_ident(v_name)) is null then
        execute format('create table partitions.%I partition of %s for values from (%L) to (%L)',
          v_name, v_table.parent,
          v_month::timestamp at time zone 'utc', (v_month + interval '1 month') at time zone 'utc');
        -- A child does not inherit these, and read directly it would not ask the policies of its parent.
        execute format('alter table partitions.%I enable row level security, force row level security', v_name);
        -- Nor does it inherit what refuses to empty its parent.
        if v_table.is_append_only then
          execute format('create trigger _210_refuse_change before truncate on partitions.%I for each statement
            execute function app_private.tg__refuse_change(%L)', v_name, v_name);
        end if;
        v_count := v_count + 1;
      end if;
    end loop;
  end loop;
  return v_count;
end
$$;
comment on function app_private.ensure_partitions(integer) is
  'Makes the monthly partitions from this month to as many ahead as the registry says, or as are asked for; returns '
  'how many were missing.';
alter function app_private.ensure_partitions(integer) owner to freehold_owner;
grant execute on function app_private.ensure_partitions(integer) to freehold_worker;
