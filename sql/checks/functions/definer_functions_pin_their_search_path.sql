-- Not '': that searches pg_temp first, where anybody may put a table.
select f.oid::regprocedure::text as offender, 'it is security definer without: set search_path to pg_catalog, pg_temp' as why
from pg_proc f
join pg_namespace n on n.oid = f.pronamespace
where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and f.prosecdef
  and not coalesce('search_path=pg_catalog, pg_temp' = any (f.proconfig), false)
