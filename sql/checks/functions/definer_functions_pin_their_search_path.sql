-- Not '': that searches pg_temp first, where anybody may put a table.
select
  f.oid::regprocedure::text as offender,
  'it is security definer, and whoever calls it chooses where its names are looked up' as why,
  format('functions/%s/…/%s.sql: add "set search_path to pg_catalog, pg_temp" to its head', s.name, f.proname) as mend
from pg_proc f
join app_private.our_schemas s on s.oid = f.pronamespace
where f.prosecdef and not coalesce('search_path=pg_catalog, pg_temp' = any (f.proconfig), false)
