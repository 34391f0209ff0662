select
  t.full_name || '.' || f.conname as offender,
  'on delete is not said' as why,
  format('migrations/current.sql: let %s end in on delete cascade, set null (<column>) or restrict: what a row of %s '
    'takes with it when it goes', f.conname, f.confrelid::regclass) as mend
from pg_constraint f
join app_private.our_tables t on t.oid = f.conrelid
where f.contype = 'f' and f.conparentid = 0 and f.confdeltype = 'a'
