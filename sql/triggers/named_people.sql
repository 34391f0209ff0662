-- Compiles named_people of app_private.table_registry into triggers that note whom a document names.
do $$
declare
  v_table record;
begin
  for v_table in
    select to_regclass(r.table_name) as oid, r.named_people
    from app_private.table_registry r
    where r.named_people is not null and to_regclass(r.table_name) is not null
    order by r.table_name
  loop
    execute format('create or replace trigger _100_collect_addresses before insert or update of %I on %s
      for each row execute function app_private.tg__collect_addresses(%L)',
      v_table.named_people ->> 'column', v_table.oid, v_table.named_people);
  end loop;
end
$$;
