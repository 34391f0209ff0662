-- The columns of the key come first in some index, in any order; a partial index counts when it leaves out nulls only.
select
  t.full_name || '.' || f.conname as offender,
  'a delete on the other side would read the whole table: no index begins with its columns' as why,
  format('migrations/current.sql: create index %s_idx on %s (%s);', regexp_replace(f.conname, '_fkey$', ''),
    t.full_name, k.columns) as mend
from pg_constraint f
join app_private.our_tables t on t.oid = f.conrelid
cross join lateral (
  select string_agg(quote_ident(a.attname), ', ' order by k.place)
  from unnest(f.conkey) with ordinality k (attnum, place)
  join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.attnum) k (columns)
where f.contype = 'f' and f.conparentid = 0
  and not exists (
    select
    from pg_index i
    where i.indrelid = f.conrelid and i.indisvalid
      and (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey
      and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in (
        select '(' || quote_ident(a.attname) || ' IS NOT NULL)'
        from pg_attribute a
        where a.attrelid = f.conrelid and a.attnum = any (f.conkey))))
