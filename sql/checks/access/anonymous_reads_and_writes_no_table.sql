-- What somebody without a log-in may do is done by functions.
select distinct c.oid::regclass::text as offender, g.privilege_type || ' is granted to ' || case g.grantee when 0 then 'public' else 'app_anonymous' end as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select x.grantee, x.privilege_type from aclexplode(c.relacl) x
  union all
  select x.grantee, x.privilege_type from pg_attribute a cross join lateral aclexplode(a.attacl) x where a.attrelid = c.oid
) g
where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and g.grantee in (0, 'app_anonymous'::regrole)
