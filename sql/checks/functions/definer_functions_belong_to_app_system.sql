-- Which row security holds for, so a mistake in one stays inside its policies and grants.
with excused (name, owner, reason) as (values
  ('app_private.add_job',           'freehold_worker', 'only the owner of schema graphile_worker may add jobs'),
  ('app_private.ensure_partitions', 'freehold_owner',  'a partition belongs to the owner of its parent')
)
select f.oid::regprocedure::text as offender, 'it is security definer and belongs to ' || f.proowner::regrole as why
from pg_proc f
join pg_namespace n on n.oid = f.pronamespace
left join excused e on e.name = n.nspname || '.' || f.proname
where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and f.prosecdef
  and f.proowner <> coalesce(e.owner, 'app_system')::regrole
