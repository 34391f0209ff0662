-- Its argument is named_people of the registry, compiled in by sql/triggers/named_people.sql. The order is that of
-- the documents.
create or replace function app_private.tg__collect_addresses() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
begin
  NEW.person_addresses := array(
    select distinct a
    from jsonb_array_elements(TG_ARGV[0]::jsonb -> 'paths') p
    cross join lateral unnest(app_private.addresses_at(
      to_jsonb(NEW) -> (TG_ARGV[0]::jsonb ->> 'column'),
      array(select jsonb_array_elements_text(p)), TG_ARGV[0]::jsonb ->> 'address')) a
    order by a);
  return NEW;
end
$$;
comment on function app_private.tg__collect_addresses() is
  'Writes down which people a document of others names, so that erasure finds it without reading all of them.';
