with excused (name, reason) as (values
  ('', 'no view is excused yet; a listed one is a security barrier that filters by tenant itself')
)
select c.relname as offender, 'it reads with the rights of its owner: with (security_invoker = true)' as why
from pg_class c
where c.relkind = 'v' and c.relnamespace = 'app_public'::regnamespace
  and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
  and not (c.relname in (select name from excused) and coalesce(c.reloptions && array['security_barrier=true', 'security_barrier=on'], false))
