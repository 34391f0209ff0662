-- Inside (select ...) a call is an init plan; bare, it runs once a row.
select
  p.polrelid::regclass::text || '.' || p.polname as offender,
  e.part || ' calls ' || m.call[1] || '…) outside of (select ...)' as why,
  format('policies/%s.sql: write (select %s…)) in policy %s', replace(p.polrelid::regclass::text, '.', '/'),
    m.call[1], p.polname) as mend
from pg_policy p
cross join lateral (values
  ('using',      pg_get_expr(p.polqual, p.polrelid)),
  ('with check', pg_get_expr(p.polwithcheck, p.polrelid))
) e (part, expression)
cross join lateral regexp_matches(
  e.expression, '(?<!SELECT )((?:app_hidden[.][a-z_]+|current_setting)[(])', 'g') m (call)
