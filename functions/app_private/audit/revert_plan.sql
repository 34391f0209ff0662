-- Raises FH400 REVERT_NOT_CLEAR or REVERT_TOO_LARGE, FH404 NOTHING_TO_REVERT.
-- Which rows a revert is about and what each was before, in an order that mostly satisfies foreign keys: rows that
-- come back parents first, then changes latest first, then rows that go children first.
-- Which tables it knows, and why the others are left alone, is said in sql/tables.sql.
create or replace function app_private.revert_plan(
  tenant_id uuid, table_name text, row_id uuid, version_id uuid, transaction_id text,
  actor_user_id uuid, actor_api_key_id uuid, since timestamptz
) returns jsonb[]
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  -- Parents before children.
  v_tables constant text[] := array(
    select split_part(t.table_name, '.', 2) from app_private.table_registry t
    where t.revert is not null order by (t.revert ->> 'order')::integer);
  v_limit  constant integer := 5000;
  v_chosen audit.row_versions[];
  v_plan   jsonb[];
begin
  if (num_nonnulls(revert_plan.table_name, revert_plan.row_id, revert_plan.version_id) not in (0, 3))
    or (revert_plan.version_id is not null)::integer + (revert_plan.transaction_id is not null)::integer
      + num_nonnulls(revert_plan.actor_user_id, revert_plan.actor_api_key_id) <> 1
    or (revert_plan.since is null) <> (num_nonnulls(revert_plan.actor_user_id, revert_plan.actor_api_key_id) = 0)
    or not coalesce(pg_input_is_valid(revert_plan.transaction_id, 'xid8'), true)
  then
    perform app_hidden.raise_error(400, 'REVERT_NOT_CLEAR',
      'Name a table, row and version; or a transaction; or an actor and since when');
  elsif revert_plan.table_name <> all (v_tables) then
    perform app_hidden.raise_error(400, 'REVERT_NOT_CLEAR', 'Rows of this table are not reverted',
      jsonb_build_object('tables', v_tables));
  end if;

  if revert_plan.version_id is not null then
    select array_agg(v) into v_chosen
    from audit.row_versions v
    where v.tenant_id = revert_plan.tenant_id and v.table_name = revert_plan.table_name
      and v.row_id = revert_plan.row_id and v.id = revert_plan.version_id;
  elsif revert_plan.transaction_id is not null then
    select array_agg(v) into v_chosen
    from (
      select * from audit.row_versions v
      where v.tenant_id = revert_plan.tenant_id and v.transaction_id = revert_plan.transaction_id::xid8
        and v.table_name = any (v_tables) and v.row_id is not null
      limit v_limit + 1) v;
  else
    select array_agg(v) into v_chosen
    from (
      select * from audit.row_versions v
      where v.tenant_id = revert_plan.tenant_id and v.created_at >= revert_plan.since
        and (v.user_id = revert_plan.actor_user_id or v.api_key_id = revert_plan.actor_api_key_id)
        and v.table_name = any (v_tables) and v.row_id is not null
      limit v_limit + 1) v;
  end if;
  if v_chosen is null then
    perform app_hidden.raise_error(404, 'NOTHING_TO_REVERT', 'The ledger holds no such change');
  elsif cardinality(v_chosen) > v_limit then
    perform app_hidden.raise_error(400, 'REVERT_TOO_LARGE',
      'A revert is of at most 5000 versions; take a later moment');
  end if;

  if revert_plan.version_id is not null then
    -- Whatever came after that version goes, whoever did it: it is what was asked for.
    return array(
      select jsonb_build_object('table', v.table_name, 'row', v.row_id, 'isWhole', true,
        'before', case when v.action <> 'delete' then v.snapshot end)
      from unnest(v_chosen) v);
  end if;

  with
    versions as (select * from unnest(v_chosen)),
    -- Of each changed column the value before the first change and after the last.
    columns as (
      select c.table_name, c.row_id,
        jsonb_object_agg(c.name, c.before) as before, jsonb_object_agg(c.name, c.after) as after
      from (
        select v.table_name, v.row_id, d.key as name,
          (array_agg(d.value order by v.id))[1] as before,
          (array_agg(v.snapshot -> d.key order by v.id desc))[1] as after
        from versions v
        cross join jsonb_each(v.diff) d
        where v.action = 'update'
        group by v.table_name, v.row_id, d.key) c
      group by c.table_name, c.row_id),
    rows as (
      select v.table_name, v.row_id, bool_or(v.action = 'insert') as has_insert,
        (array_agg(v.action order by v.id))[1] as first_action,
        (array_agg(v.action order by v.id desc))[1] as last_action,
        (array_agg(v.snapshot || v.diff order by v.id))[1] as first_before,
        (array_agg(v.snapshot order by v.id desc))[1] as last_after,
        (array_agg(v.id order by v.id))[1] as first_id,
        (array_agg(v.id order by v.id desc))[1] as last_id
      from versions v
      group by v.table_name, v.row_id),
    plan as (
      select r.*,
        case
          when r.first_action = 'insert' then null
          when r.has_insert then r.first_before
          when r.last_action = 'delete' then r.last_after || coalesce(c.before, '{}')
          else c.before
        end as before,
        case when r.last_action = 'delete' then null when r.has_insert then r.last_after else c.after end as after,
        -- Somebody else wrote the same columns in between.
        revert_plan.transaction_id is null and exists (
          select from audit.row_versions o
          where o.tenant_id = revert_plan.tenant_id and o.table_name = r.table_name and o.row_id = r.row_id
            and o.id > r.first_id and o.id < r.last_id
            and (o.action <> 'update' or r.has_insert or o.diff ?| array(select jsonb_object_keys(c.before)))
            and not exists (select from versions v where v.id = o.id)) as is_mixed
      from rows r
      left join columns c on c.table_name = r.table_name and c.row_id = r.row_id)
  select array_agg(
    jsonb_build_object('table', p.table_name, 'row', p.row_id, 'isWhole', false,
      'before', p.before, 'after', p.after, 'isMixed', p.is_mixed)
    order by k.kind, array_position(v_tables, p.table_name) * case k.kind when 2 then -1 else 1 end, p.last_id desc)
  into v_plan
  from plan p
  cross join lateral (select case when p.after is null then 0 when p.before is null then 2 else 1 end as kind) k
  where p.before is not null or p.after is not null;
  return coalesce(v_plan, '{}');
end
$$;
comment on function app_private.revert_plan(uuid, text, uuid, uuid, text, uuid, uuid, timestamptz) is
  'Rows of the tenant that a revert is about: {table, row, before, after, isWhole, isMixed} each.';
alter function app_private.revert_plan(uuid, text, uuid, uuid, text, uuid, uuid, timestamptz) owner to app_system;
