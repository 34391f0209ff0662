create or replace function app_private.redact_person(
  document jsonb,
  path text[],
  address text,
  names text[],
  addresses text[]
) returns jsonb
  language sql stable parallel safe
as $$
  select case
    when lower(document #>> (path || address)) = any (addresses)
    then jsonb_set(document, path, (document #> path) || (
      select coalesce(jsonb_object_agg(n, '[erased]'), '{}')
      from unnest(names) n
      where document #>> (path || n) is not null))
    else document end
$$;
comment on function app_private.redact_person(jsonb, text[], text, text[], text[]) is
  'The document with the names of the one at the path replaced by [erased], when their address is one of these.';
grant execute on function app_private.redact_person(jsonb, text[], text, text[], text[]) to app_system;
