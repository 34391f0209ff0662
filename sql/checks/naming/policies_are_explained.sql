select
  p.polrelid::regclass::text || '.' || p.polname as offender,
  'no comment says who may' as why,
  format('policies/%s.sql: comment on policy %s on %s is ''<who may do what>.'';',
    replace(p.polrelid::regclass::text, '.', '/'), p.polname, p.polrelid::regclass) as mend
from pg_policy p
where coalesce(obj_description(p.oid, 'pg_policy'), '') = ''
