-- What is no address of ours (no text, no @, longer than 255) can be nobody's.
create or replace function app_private.addresses_at(document jsonb, path text[], address text) returns setof text
  language sql stable parallel safe
as $$
  select lower(p.person ->> address)
  from (select array_position(path, '*') as place) l
  cross join lateral (
    select document #> path where l.place is null
    union all
    select e.value #> path[l.place + 1:]
    from jsonb_array_elements(case
      when jsonb_typeof(document #> path[:l.place - 1]) = 'array' then document #> path[:l.place - 1] else '[]' end) e
    where l.place is not null) p (person)
  where jsonb_typeof(p.person) = 'object' and jsonb_typeof(p.person -> address) = 'string'
    and length(p.person ->> address) <= 255 and p.person ->> address like '%@%'
$$;
comment on function app_private.addresses_at(jsonb, text[], text) is
  'Addresses of the people whom a document names at a path, in lower case; "*" in the path, once at most, is each '
  'element of a list.';
grant execute on function app_private.addresses_at(jsonb, text[], text) to app_system;
