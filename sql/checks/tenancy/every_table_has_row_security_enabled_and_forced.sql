with excused (name, reason) as (values
  ('app_private.applied_sources', 'its owner keeps it and no policy could let the owner in; it holds file names')
)
select
  t.full_name as offender,
  case
    when not c.relrowsecurity then 'row security is not enabled'
    else 'row security is not forced, so it does not hold for the owner'
  end as why,
  format('migrations/current.sql: alter table %s enable row level security, force row level security;', t.full_name)
    as mend
from app_private.our_tables t
join pg_class c on c.oid = t.oid
where not (c.relrowsecurity and (c.relforcerowsecurity or t.full_name in (select name from excused)))
