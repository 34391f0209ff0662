-- tenant_isolation for the wall, <verb>_<who> for a door.
select
  p.polrelid::regclass::text || '.' || p.polname as offender,
  case
    when p.polpermissive then 'a door is called <verb>_<who>, with the verb it opens'
    else 'the one restrictive policy is tenant_isolation'
  end as why,
  format('policies/%s.sql: %s', replace(p.polrelid::regclass::text, '.', '/'), case
    when p.polpermissive then format('call it %s_<who>, and drop %s in migrations/current.sql', v.verb, p.polname)
    else 'what it says belongs into tenant_isolation or into the doors'
  end) as mend
from pg_policy p
cross join lateral (
  select case p.polcmd
    when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
  end
) v (verb)
where case
  when p.polpermissive then p.polname !~ ('^' || v.verb || '_[a-z_]+$')
  else p.polname <> 'tenant_isolation'
end
