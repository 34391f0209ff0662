-- The API has one field a name, and shows one of the two.
select
  'app_public.' || f.proname as offender,
  'it stands for ' || count(*) || ': ' || string_agg(f.oid::regprocedure::text, ' and ' order by f.oid) as why,
  format('give one of them another name; what changed its signature leaves its older self behind: drop function %s; in '
    'migrations/current.sql', (array_agg(f.oid::regprocedure order by f.oid))[1]) as mend
from pg_proc f
where f.pronamespace = 'app_public'::regnamespace
group by f.proname
having count(*) > 1
