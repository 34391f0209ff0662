-- What audit.describe_change is told of a table by its triggers:
-- 0 table, 1 rank of readers, 2 columns left out (secret ones; virtual ones, which a trigger does not see),
-- 3 secret columns, 4 personal columns, 5 column of the person the row is about, 6 column of the row's id,
-- 7 columns whose change alone is no news, 8 columns of which a digest is kept.
create or replace function app_private.audit_arguments(table_name text) returns text[]
  language sql stable
  set search_path to pg_catalog, pg_temp
as $$
  select array[
    split_part(r.table_name, '.', 2), r.readers::text,
    (r.secret || array(
      select a.attname::text
      from pg_attribute a
      where a.attrelid = to_regclass(r.table_name) and a.attgenerated = 'v' and not a.attisdropped
      order by a.attnum))::text,
    r.secret::text, r.personal::text, coalesce(r.person, ''), r.row_key,
    (r.quiet || '{updated_at}'::text[])::text, r.digest::text]
  from app_private.table_registry r
  where r.table_name = audit_arguments.table_name
$$;
comment on function app_private.audit_arguments(text) is
  'What the registry says of a table, as the arguments of its audit triggers; null for a table that it does not know.';
