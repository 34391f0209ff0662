-- The rest of the document stays as it is, order and spelling of numbers included, as far as jsonb keeps them.
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
begin
  if document is null then
    return null;
  elsif path = '{}' then
    if jsonb_typeof(document) <> 'object' or not coalesce(lower(document ->> address) = any (addresses), false) then
      return document;
    end if;
    return document || coalesce((
      select jsonb_object_agg(n, '[erased]') from unnest(names) n where document ->> n is not null), '{}');
  elsif path[1] = '*' then
    return case when jsonb_typeof(document) <> 'array' then document else coalesce((
      select jsonb_agg(app_private.redact_people(e.value, path[2:], address, names, addresses) order by e.ordinality)
      from jsonb_array_elements(document) with ordinality e), '[]') end;
  elsif jsonb_typeof(document) <> 'object' or not document ? path[1] then
    return document;
  end if;
  return document || jsonb_build_object(path[1],
    app_private.redact_people(document -> path[1], path[2:], address, names, addresses));
end
$$;
comment on function app_private.redact_people(jsonb, text[], text, text[], text[]) is
  'The document with the names of everybody at the path whose address is one of these replaced by [erased].';
grant execute on function app_private.redact_people(jsonb, text[], text, text[], text[]) to app_system;
