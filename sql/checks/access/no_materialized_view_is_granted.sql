-- Policies do not hold for them. They live in app_hidden, behind a view.
select c.oid::regclass::text as offender,
  case when n.nspname <> 'app_hidden' then 'it belongs into app_hidden' else 'somebody besides its owner and app_system may read it' end as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'm' and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and (n.nspname <> 'app_hidden' or exists (
    select from aclexplode(c.relacl) x where x.grantee not in (c.relowner, 'app_system'::regrole)))
