-- The API publishes them.
select
  f.oid::regprocedure::text as offender,
  'parameter ' || p.place || ' has no name' as why,
  format('functions/app_public/…/%s.sql: write a name before its type, %s', f.proname,
    format_type(f.proargtypes[p.place - 1], null)) as mend
from pg_proc f
cross join lateral generate_series(1, f.pronargs) p (place)
where f.pronamespace = 'app_public'::regnamespace and coalesce(f.proargnames[p.place], '') = ''
