-- What "create index concurrently" leaves behind when it fails: writes keep it, no query uses it.
select
  i.indexrelid::regclass::text as offender,
  case when i.indisready then 'it is not valid' else 'it is not ready' end
    || ', as after a create index concurrently that failed' as why,
  format('as freehold_owner: drop index concurrently %1$s; and build it again: %2$s;', i.indexrelid::regclass,
    replace(pg_get_indexdef(i.indexrelid), ' INDEX ', ' INDEX CONCURRENTLY ')) as mend
from pg_index i
join app_private.our_tables t on t.oid = i.indrelid
where not (i.indisvalid and i.indisready and i.indislive)
