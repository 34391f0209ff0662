-- Never FH409 REVERT_CONFLICTS, since it catches that and says it in `conflict`.
-- Does one step of revert_plan, or says in `conflict` why not; nothing of it stays then. No action and no conflict:
-- nothing to do.
-- The table's name comes from the plan, which has the registry's; columns come from the catalog.
-- Kept from every revert: the tenant and id of a row, generated columns, updated_at, and what the registry names.
create or replace function app_private.take_revert_step(tenant_id uuid, step jsonb) returns app_public.revert_step
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_step     app_public.revert_step;
  v_relation regclass := format('app_public.%I', step ->> 'table')::regclass;
  v_where    text := format('t.%I = $1 and t.id = $2',
    case when step ->> 'table' = 'tenants' then 'id' else 'tenant_id' end);
  v_table    app_private.table_registry;
  v_kept     text[];
  v_refused  text[];
  v_columns  text[];
  v_names    text[];
  v_current  jsonb;
  v_before   jsonb;
  v_after    jsonb;
  v_parent   record;
  v_found    boolean;
  v_state    text;
  v_message  text;
  v_subject  text;
begin
  v_step.table_name := step ->> 'table';
  v_step.row_id := (step ->> 'row')::uuid;
  select * into v_table from app_private.table_registry r where r.table_name = 'app_public.' || v_step.table_name;
  v_kept := '{tenant_id,id,updated_at}' || v_table.revert_keeps;
  v_refused := v_table.revert_refuses;
  if v_table.revert ->> 'columns' = 'granted' then
    -- Plan, owner and the like have functions of their own.
    v_refused := v_refused || array(
      select a.attname::text
      from pg_attribute a
      where a.attrelid = v_relation and a.attnum > 0 and not a.attisdropped and a.attname::text <> all (v_kept)
        and not has_column_privilege('app_user', v_relation, a.attnum, 'update'));
  end if;
  select array_agg(a.attname::text order by a.attnum) into v_columns
  from pg_attribute a
  where a.attrelid = v_relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and a.attname::text <> all (v_kept);

  begin
    execute format('select to_jsonb(t) from %s t where %s for update', v_relation, v_where)
    into v_current using take_revert_step.tenant_id, v_step.row_id;
    -- Through the row's type and back, so that equal values are written alike.
    execute format('select (select to_jsonb(r) from jsonb_populate_record(null::%1$s, $1) r where $1 is not null),
        (select to_jsonb(r) from jsonb_populate_record(null::%1$s, $2) r where $2 is not null)', v_relation)
    into v_before, v_after using nullif(step -> 'before', 'null'), nullif(step -> 'after', 'null');

    if (step ->> 'isMixed')::boolean then
      v_step.conflict := 'changed since: by somebody else in between';
    elsif v_before is null then
      if v_current is null then
        if not (step ->> 'isWhole')::boolean then
          v_step.conflict := 'gone: somebody else deleted the row';
        end if;
        return v_step;
      end if;
      v_step.action := 'delete';
      v_names := array(
        select n from unnest(v_columns) n
        where not (step ->> 'isWhole')::boolean
          and (step -> 'after') ? n and v_current -> n is distinct from v_after -> n);
      v_step.changes := (
        select jsonb_object_agg(n, jsonb_build_object('from', v_current -> n))
        from unnest(v_columns) n
        where v_current ->> n is not null);
    elsif v_current is null then
      v_step.action := 'insert';
      v_names := '{}';
      v_columns := array(select n from unnest(v_columns) n where (step -> 'before') ? n);
      v_step.changes := (
        select jsonb_object_agg(n, jsonb_build_object('to', v_before -> n))
        from unnest(v_columns) n
        where v_before ->> n is not null);
      if v_after is not null then
        v_step.conflict := 'gone: somebody else deleted the row';
      end if;
    elsif v_after is null and not (step ->> 'isWhole')::boolean then
      v_step.conflict := 'exists again: somebody else made the row';
    else
      v_columns := array(
        select n from unnest(v_columns) n
        where (step -> 'before') ? n and v_current -> n is distinct from v_before -> n
          and not (n = any (v_table.digest)
            and audit.digest_of(v_current ->> n) is not distinct from step -> 'before' -> n));
      if v_columns = '{}' then
        return v_step;
      end if;
      v_step.action := 'update';
      v_names := array(
        select n from unnest(v_columns) n
        where not (step ->> 'isWhole')::boolean and v_current -> n is distinct from v_after -> n);
      v_step.changes := (
        select jsonb_object_agg(n, jsonb_build_object('from', v_current -> n, 'to', v_before -> n))
        from unnest(v_columns) n);
    end if;
    if v_names <> '{}' then
      v_step.conflict := 'changed since: ' || array_to_string(v_names, ', ');
    elsif v_step.conflict is null and v_table.revert -> 'refuses' ? v_step.action::text then
      v_step.conflict := 'refused: ' || (v_table.revert -> 'refuses' ->> v_step.action::text);
    elsif v_step.action <> 'delete' and v_columns && v_table.digest then
      v_step.conflict := 'refused: the ledger holds only a digest of ' || array_to_string(v_table.digest, ', ');
    elsif v_step.action = 'update' and v_columns && v_refused then
      v_step.conflict := 'refused: '
        || array_to_string(array(select n from unnest(v_columns) n where n = any (v_refused)), ', ')
        || ' has a function of its own';
    end if;
    if v_step.conflict is not null then
      return v_step;
    end if;

    if v_step.action = 'delete' then
      -- What others hung on the row would go, or lose its reference, unseen. History of the row itself may.
      for v_parent in
        select c.conrelid::regclass as child, (
          select string_agg(
            format('x.%I = (jsonb_populate_record(null::%s, $1)).%I', f.attname, v_relation, p.attname), ' and ')
          from unnest(c.conkey, c.confkey) k (child, parent)
          join pg_attribute f on f.attrelid = c.conrelid and f.attnum = k.child
          join pg_attribute p on p.attrelid = c.confrelid and p.attnum = k.parent) as condition
        from pg_constraint c
        join pg_class l on l.oid = c.conrelid
        join pg_namespace s on s.oid = l.relnamespace
        where c.contype = 'f' and c.confrelid = v_relation and c.conparentid = 0
          and s.nspname = 'app_public' and l.relname <> 'deployment_status_history'
      loop
        execute format('select exists (select from %s x where %s)', v_parent.child, v_parent.condition)
        into v_found using v_current;
        if v_found then
          v_step.conflict := 'in use: by rows of ' || replace(v_parent.child::text, 'app_public.', '');
          return v_step;
        end if;
      end loop;
      execute format('delete from %s t where %s', v_relation, v_where) using take_revert_step.tenant_id, v_step.row_id;
    elsif v_step.action = 'insert' then
      execute format('insert into %s (%s) select %s from jsonb_populate_record(null::%s, $1) r', v_relation,
        (select string_agg(format('%I', n), ', ')
          from unnest('{id}'::text[]
            || case when v_step.table_name <> 'tenants' then '{tenant_id}'::text[] end || v_columns) n),
        (select string_agg(format('r.%I', n), ', ')
          from unnest('{id}'::text[]
            || case when v_step.table_name <> 'tenants' then '{tenant_id}'::text[] end || v_columns) n),
        v_relation)
      using v_before || jsonb_build_object('tenant_id', take_revert_step.tenant_id, 'id', v_step.row_id);
    else
      execute format('update %s t set (%s) = (select %s from jsonb_populate_record(null::%s, $3) r) where %s',
        v_relation,
        (select string_agg(format('%I', n), ', ') from unnest(v_columns) n),
        (select string_agg(format('r.%I', n), ', ') from unnest(v_columns) n), v_relation, v_where)
      using take_revert_step.tenant_id, v_step.row_id, v_before;
    end if;

    -- A trigger may have had the last word.
    execute format('select to_jsonb(t) from %s t where %s', v_relation, v_where)
    into v_current using take_revert_step.tenant_id, v_step.row_id;
    v_names := array(
      select n from unnest(v_columns) n
      where v_step.action <> 'delete' and v_current -> n is distinct from v_before -> n);
    if v_names <> '{}' or (v_step.action = 'delete') <> (v_current is null) then
      perform app_hidden.raise_error(409, 'REVERT_CONFLICTS', 'a rule wrote something else',
        jsonb_build_object('columns', v_names));
    end if;
  exception
    when others then
      get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_subject = constraint_name;
      if left(v_state, 2) in ('40', '53', '55', '57', '58', 'XX') then
        raise;
      end if;
      v_step.conflict := case
        when v_state = '23505' then 'taken: ' || v_subject
        when v_state = '23503' then 'parent gone: ' || v_subject
        when v_state like 'FH%' then 'refused: ' || v_message
        else 'refused: ' || coalesce(nullif(v_subject, ''), v_state)
      end;
  end;
  return v_step;
end
$$;
comment on function app_private.take_revert_step(uuid, jsonb) is
  'Brings one row back to what it was, as any write would, or says what is in the way.';
alter function app_private.take_revert_step(uuid, jsonb) owner to app_system;
