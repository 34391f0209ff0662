-- It is not above row security, since managed servers do not give that away: each table lets it in by name.
with excused (name, reason) as (values
  ('app_private.applied_sources', 'of apply alone')
)
select
  t.full_name as offender,
  'no policy all_system lets the definer functions in' as why,
  format('policies/%s/%s.sql: create policy all_system on %s for all to app_system using (true) with check (true);',
    t.schema, t.name, t.full_name) as mend
from app_private.our_tables t
where t.schema <> 'partitions'
  and t.full_name not in (select name from excused)
  and not exists (
    select from pg_policy p
    where p.polrelid = t.oid and p.polpermissive and p.polroles = array['app_system'::regrole::oid] and p.polcmd = '*'
      and pg_get_expr(p.polqual, p.polrelid) = 'true' and pg_get_expr(p.polwithcheck, p.polrelid) = 'true')
