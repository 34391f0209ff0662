-- The API publishes them.
select f.oid::regprocedure::text as offender, 'parameter ' || p.place || ' has no name' as why
from pg_proc f
cross join lateral generate_series(1, f.pronargs) p (place)
where f.pronamespace = 'app_public'::regnamespace and coalesce(f.proargnames[p.place], '') = ''
