-- A list is taken apart once, however many people it names. Not in SQL alone: melted into the caller it would be taken
-- apart as often as it is named.
create or replace function app_private.redact_people(
  document jsonb,
  path text[],
  address text,
  names text[],
  addresses text[]
) returns jsonb
  language plpgsql stable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_place integer := array_position(path, '*');
  v_list  jsonb;
begin
  if v_place is null then
    return app_private.redact_person(document, path, address, names, addresses);
  end if;
  v_list := document #> path[:v_place - 1];
  if jsonb_typeof(v_list) is distinct from 'array' then
    return document;
  end if;
  return jsonb_set(document, path[:v_place - 1], coalesce((
    select jsonb_agg(
      app_private.redact_person(e.value, path[v_place + 1:], address, names, addresses) order by e.ordinality)
    from jsonb_array_elements(v_list) with ordinality e), '[]'));
end
$$;
comment on function app_private.redact_people(jsonb, text[], text, text[], text[]) is
  'The document with the names of everybody at the path whose address is one of these replaced by [erased]; "*" in '
  'the path, once at most, is each element of a list.';
grant execute on function app_private.redact_people(jsonb, text[], text, text[], text[]) to app_system;
