-- Compiles app_private.table_registry into audit triggers; apply takes them from a table that is audited no more.
do $$
declare
  v_table record;
begin
  for v_table in
    select to_regclass(r.table_name) as oid,
      (select string_agg(quote_literal(a), ', ') from unnest(app_private.audit_arguments(r.table_name)) a) as arguments
    from app_private.table_registry r
    -- A row without a table is for the law to tell of.
    where r.readers is not null and to_regclass(r.table_name) is not null
    order by r.table_name
  loop
    execute format('create or replace trigger _900_audit_insert after insert on %s
      referencing new table as inserted for each statement execute function app_private.tg__audit_insert(%s)',
      v_table.oid, v_table.arguments);
    execute format('create or replace trigger _900_audit_update after update on %s
      for each row execute function app_private.tg__audit_update(%s)', v_table.oid, v_table.arguments);
    execute format('create or replace trigger _900_audit_delete after delete on %s
      referencing old table as deleted for each statement execute function app_private.tg__audit_delete(%s)',
      v_table.oid, v_table.arguments);
    execute format('create or replace trigger _900_audit_truncate after truncate on %s
      for each statement execute function app_private.tg__audit_truncate(%s)', v_table.oid, v_table.arguments);
  end loop;
end
$$;
