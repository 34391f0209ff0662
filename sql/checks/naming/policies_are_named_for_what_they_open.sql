-- tenant_isolation for the wall, <verb>_<who> for a door.
select p.polrelid::regclass::text || '.' || p.polname as offender,
  case when p.polpermissive then 'a door is called <verb>_<who>, with the verb it opens' else 'the one restrictive policy is tenant_isolation' end as why
from pg_policy p
where case
  when p.polpermissive then p.polname !~ (
    case p.polcmd when 'r' then '^select' when 'a' then '^insert' when 'w' then '^update' when 'd' then '^delete' else '^all' end || '_[a-z_]+$')
  else p.polname <> 'tenant_isolation'
end
