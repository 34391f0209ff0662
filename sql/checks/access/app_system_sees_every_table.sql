-- It is not above row security, since managed servers do not give that away: each table lets it in by name.
with excused (name, reason) as (values
  ('app_private.applied_sources', 'of apply alone')
)
select n.nspname || '.' || c.relname as offender, 'no policy all_system lets the definer functions in' as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit')
  and n.nspname || '.' || c.relname not in (select name from excused)
  and not exists (
    select from pg_policy p
    where p.polrelid = c.oid and p.polpermissive and p.polroles = array['app_system'::regrole::oid]
      and p.polcmd = '*' and pg_get_expr(p.polqual, p.polrelid) = 'true' and pg_get_expr(p.polwithcheck, p.polrelid) = 'true')
