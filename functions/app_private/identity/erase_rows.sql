-- What is done to which table is said in sql/tables.sql; a law sees to it that it can be done.
create or replace function app_private.erase_rows(user_id uuid, tenant_ids uuid[]) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_table   record;
  v_whose   text;
  v_columns text;
  v_blanks  text;
begin
  for v_table in
    select r.*, to_regclass(r.table_name) as relation
    from app_private.table_registry r
    where r.erase is not null
    order by r.table_name
  loop
    v_whose := format('t.%I = $1', v_table.person)
      || case when v_table.tenancy = 'tenant' then ' and t.tenant_id = any ($2)' else '' end;
    if v_table.erase = 'delete' then
      execute format('delete from %s t where %s', v_table.relation, v_whose)
      using erase_rows.user_id, erase_rows.tenant_ids;
    else
      select string_agg(format('%I', a.attname), ', ' order by a.attnum),
        string_agg(
          coalesce(
            v_table.erased ->> a.attname,
            case when a.attnotnull then pg_get_expr(d.adbin, d.adrelid) else 'null' end),
          ', ' order by a.attnum)
      into v_columns, v_blanks
      from pg_attribute a
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = v_table.relation and a.attname = any (v_table.personal) and a.attgenerated = '';
      execute format('update %1$s t set (%2$s) = row (%3$s) where %4$s and (%2$s) is distinct from (%3$s)',
        v_table.relation, v_columns, v_blanks, v_whose)
      using erase_rows.user_id, erase_rows.tenant_ids;
    end if;
  end loop;
end
$$;
comment on function app_private.erase_rows(uuid, uuid[]) is
  'Deletes the rows of a person in these tenants and on the platform, or blanks their personal columns, in every '
  'table whose row in the registry says so.';
alter function app_private.erase_rows(uuid, uuid[]) owner to app_system;
