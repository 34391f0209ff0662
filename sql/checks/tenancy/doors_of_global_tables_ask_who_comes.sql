with excused (name, reason) as (values
  ('app_public.event_types.select_all', 'reference data, the same for every tenant')
)
select n.nspname || '.' || c.relname || '.' || p.polname as offender, e.part || ' reads no claim, so it is open to everybody' as why
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (values
  ('using',      pg_get_expr(p.polqual, p.polrelid)),
  ('with check', pg_get_expr(p.polwithcheck, p.polrelid))
) e (part, expression)
where p.polpermissive and p.polroles && array['app_user', 'app_anonymous']::regrole[]::oid[]
  and e.expression !~ 'app_hidden[.]current_(tenant|user)'
  and n.nspname || '.' || c.relname || '.' || p.polname not in (select name from excused)
