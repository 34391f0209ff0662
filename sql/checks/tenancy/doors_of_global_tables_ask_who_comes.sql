with excused (name, reason) as (values
  ('app_public.event_types.select_all', 'reference data, the same for every tenant')
)
select
  t.full_name || '.' || p.polname as offender,
  e.part || ' reads no claim, so it is open to everybody' as why,
  format('policies/%s/%s.sql: let %s of %s ask (select app_hidden.current_user_id()) or (select '
    'app_hidden.current_tenant_id())', t.schema, t.name, e.part, p.polname) as mend
from pg_policy p
join app_private.our_tables t on t.oid = p.polrelid
cross join lateral (values
  ('using',      pg_get_expr(p.polqual, p.polrelid)),
  ('with check', pg_get_expr(p.polwithcheck, p.polrelid))
) e (part, expression)
where p.polpermissive and p.polroles && array['app_user', 'app_anonymous']::regrole[]::oid[]
  and e.expression !~ 'app_hidden[.]current_(tenant|user)'
  and t.full_name || '.' || p.polname not in (select name from excused)
