-- Which documents, and which places in them, is said in sql/tables.sql (named_people). Only in these tenants: a
-- document is the evidence of whoever received it, and names many.
create or replace function app_private.redact_documents(tenant_ids uuid[], addresses text[]) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_path  jsonb;
  v_place text;
begin
  for v_table in
    select to_regclass(r.table_name) as relation,
      r.named_people ->> 'column' as name, r.named_people ->> 'address' as address,
      array(select jsonb_array_elements_text(r.named_people -> 'names')) as names, r.named_people -> 'paths' as paths
    from app_private.table_registry r
    where r.named_people is not null
    order by r.table_name
  loop
    v_place := format('t.%I', v_table.name);
    for v_path in select jsonb_array_elements(v_table.paths) loop
      v_place := format('app_private.redact_people(%s, %L, %L, %L, $2)', v_place,
        array(select jsonb_array_elements_text(v_path)), v_table.address, v_table.names);
    end loop;
    -- In an order, so that two erasures that share documents wait for each other and do not deadlock.
    execute format('update %1$s t set %2$I = %3$s, raw_body = $3, redacted_at = now()
      from (
        select d.tenant_id, d.id from %1$s d
        where d.person_addresses && $2 and d.person_addresses <> ''{}'' and d.tenant_id = any ($1)
        order by d.tenant_id, d.id
        for update) d
      where t.tenant_id = d.tenant_id and t.id = d.id', v_table.relation, v_table.name, v_place)
    using redact_documents.tenant_ids, redact_documents.addresses, ''::bytea;
  end loop;
end
$$;
comment on function app_private.redact_documents(uuid[], text[]) is
  'Replaces people with these addresses in the documents that tenants received, where the registry says that people '
  'are named, and marks that it did.';
alter function app_private.redact_documents(uuid[], text[]) owner to app_system;
