-- Said in sql/tables.sql, compiled by sql/triggers/audit.sql.
with
  tables as (
    select to_regclass(r.table_name) as oid, r.table_name as name, r.readers is not null as is_audited,
      app_private.audit_arguments(r.table_name) as arguments
    from app_private.table_registry r
  ),
  triggers as (
    select t.tgrelid, f.proname,
      string_to_array(replace(encode(t.tgargs, 'escape'), '\000', chr(31)), chr(31)) as arguments
    from pg_trigger t
    join pg_proc f on f.oid = t.tgfoid
    join pg_namespace n on n.oid = f.pronamespace
    where n.nspname = 'app_private' and f.proname like 'tg\_\_audit\_%' and t.tgenabled = 'O'
  )
select t.name as offender, 'its ' || op.name || 's are not audited' as why,
  'run npm run db:apply -- --force, or give not_audited its reason in sql/tables.sql' as mend
from tables t
cross join (values ('insert'), ('update'), ('delete'), ('truncate')) op (name)
where t.is_audited
  and not exists (select from triggers g where g.tgrelid = t.oid and g.proname = 'tg__audit_' || op.name)
union all
select t.name, 'it is excused, and audited all the same', 'run npm run db:apply -- --force'
from tables t
join triggers g on g.tgrelid = t.oid
where not t.is_audited
union all
-- As when a virtual column came later, which a trigger does not see.
select t.name, g.proname || ' was compiled from other facts than the registry and the table have now',
  'run npm run db:apply -- --force'
from tables t
join triggers g on g.tgrelid = t.oid
where t.is_audited and (t.arguments || ''::text) <> g.arguments
