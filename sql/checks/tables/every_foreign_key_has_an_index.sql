-- The columns of the key come first in some index, in any order; a partial index counts when it leaves out nulls only.
select f.conrelid::regclass::text || '.' || f.conname as offender, 'a delete on the other side would read the whole table: no index begins with its columns' as why
from pg_constraint f
join pg_namespace n on n.oid = f.connamespace
where f.contype = 'f' and f.conparentid = 0 and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and not exists (
    select
    from pg_index i
    where i.indrelid = f.conrelid and i.indisvalid
      and (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey
      and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in (
        select '(' || quote_ident(a.attname) || ' IS NOT NULL)'
        from pg_attribute a
        where a.attrelid = f.conrelid and a.attnum = any (f.conkey))))
