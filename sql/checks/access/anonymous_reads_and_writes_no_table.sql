-- What somebody without a log-in may do is done by functions.
select distinct
  c.oid::regclass::text as offender,
  g.privilege_type || ' is granted to ' || case g.grantee when 0 then 'public' else 'app_anonymous' end as why,
  format('policies/%s/%s.sql: take the grant out; the revoke that stands there undoes it. What a stranger may do '
    'is a function in functions/app_public', s.name, c.relname) as mend
from pg_class c
join app_private.our_schemas s on s.oid = c.relnamespace
cross join lateral (
  select x.grantee, x.privilege_type from aclexplode(c.relacl) x
  union all
  select x.grantee, x.privilege_type
  from pg_attribute a
  cross join lateral aclexplode(a.attacl) x
  where a.attrelid = c.oid
) g
where g.grantee in (0, 'app_anonymous'::regrole)
