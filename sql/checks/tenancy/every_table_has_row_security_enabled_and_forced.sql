with excused (name, reason) as (values
  ('app_private.applied_sources', 'its owner keeps it and no policy could let the owner in; it holds file names')
)
select c.oid::regclass::text as offender,
  case when not c.relrowsecurity then 'row security is not enabled' else 'row security is not forced, so it does not hold for the owner' end as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and not (c.relrowsecurity and (c.relforcerowsecurity or n.nspname || '.' || c.relname in (select name from excused)))
