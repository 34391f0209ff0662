-- Which row security holds for, so a mistake in one stays inside its policies and grants.
with excused (name, owner, reason) as (values
  ('app_private.add_job',           'freehold_worker', 'only the owner of schema graphile_worker may add jobs'),
  ('app_private.ensure_partitions', 'freehold_owner',  'a partition belongs to the owner of its parent')
)
select
  f.oid::regprocedure::text as offender,
  'it is security definer and belongs to ' || f.proowner::regrole as why,
  format('functions/%s/…/%s.sql: alter function %s owner to %s;', s.name, f.proname, f.oid::regprocedure,
    coalesce(e.owner, 'app_system')) as mend
from pg_proc f
join app_private.our_schemas s on s.oid = f.pronamespace
left join excused e on e.name = s.name || '.' || f.proname
where f.prosecdef and f.proowner <> coalesce(e.owner, 'app_system')::regrole
