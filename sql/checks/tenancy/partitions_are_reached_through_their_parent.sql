-- A partition read directly asks only its own policies, and it has none.
select
  c.oid::regclass::text as offender,
  'a partition belongs into schema partitions' as why,
  format('alter table %s set schema partitions; and make them so: app_private.ensure_partitions() does',
    c.oid::regclass) as mend
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_class p on p.oid = (select i.inhparent from pg_inherits i where i.inhrelid = c.oid)
join pg_namespace pn on pn.oid = p.relnamespace
where c.relkind in ('r', 'p') and c.relispartition and n.nspname <> 'partitions' and pn.nspname <> 'graphile_worker'
union all
select distinct
  c.oid::regclass::text,
  'somebody besides its owner has a privilege on it: ' || g.grantee::regrole,
  format('revoke all on %s from %s; grants belong on the parent, in its file in policies', c.oid::regclass,
    g.grantee::regrole)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select x.grantee from aclexplode(c.relacl) x
  union all
  select x.grantee from pg_attribute a cross join lateral aclexplode(a.attacl) x where a.attrelid = c.oid
) g
where n.nspname = 'partitions' and g.grantee <> c.relowner
