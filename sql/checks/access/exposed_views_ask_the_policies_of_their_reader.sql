with excused (name, reason) as (values
  ('', 'no view is excused yet; a listed one is a security barrier that filters by tenant itself')
)
select
  c.relname as offender,
  'it reads with the rights of its owner' as why,
  format('sql/views/app_public/%1$s.sql: create or replace view app_public.%1$s with (security_invoker = true) as …',
    c.relname) as mend
from pg_class c
where c.relkind = 'v' and c.relnamespace = 'app_public'::regnamespace
  and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
  and not (c.relname in (select name from excused)
    and coalesce(c.reloptions && array['security_barrier=true', 'security_barrier=on'], false))
