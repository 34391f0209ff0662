-- Raises FH400 BAD_USER_INPUT.
-- Its argument is named_people of the registry, compiled in by sql/triggers/named_people.sql.
create or replace function app_private.tg__collect_addresses() returns trigger
  language plpgsql volatile
  set search_path to pg_catalog, pg_temp
as $$
declare
  -- GitHub tells of at most 2048 commits.
  v_max      constant integer := 10000;
  v_facts    constant jsonb := TG_ARGV[0];
  v_document jsonb;
begin
  execute format('select ($1).%I', v_facts ->> 'column') into v_document using NEW;
  NEW.person_addresses := array(
    select distinct a
    from jsonb_array_elements(v_facts -> 'paths') p
    cross join lateral app_private.addresses_at(
      v_document, array(select jsonb_array_elements_text(p)), v_facts ->> 'address') a
    order by a
    limit v_max + 1);
  if cardinality(NEW.person_addresses) > v_max then
    perform app_hidden.raise_error(400, 'BAD_USER_INPUT', 'A document names at most 10000 people');
  end if;
  return NEW;
end
$$;
comment on function app_private.tg__collect_addresses() is
  'Writes down which people a document of others names, so that erasure finds it without reading all of them.';
