create or replace function app_private.addresses_at(document jsonb, path text[], address text) returns text[]
  language plpgsql immutable parallel safe
  set search_path to pg_catalog, pg_temp
as $$
begin
  if path = '{}' then
    return case when jsonb_typeof(document) = 'object' and document ->> address <> ''
      then array[lower(document ->> address)] else '{}' end;
  elsif path[1] = '*' then
    return case when jsonb_typeof(document) <> 'array' then '{}' else array(
      select unnest(app_private.addresses_at(e, path[2:], address)) from jsonb_array_elements(document) e) end;
  elsif jsonb_typeof(document) <> 'object' or not document ? path[1] then
    return '{}';
  end if;
  return app_private.addresses_at(document -> path[1], path[2:], address);
end
$$;
comment on function app_private.addresses_at(jsonb, text[], text) is
  'Addresses of the people whom a document names at a path, in lower case.';
grant execute on function app_private.addresses_at(jsonb, text[], text) to app_system;
