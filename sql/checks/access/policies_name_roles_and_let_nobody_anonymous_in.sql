select
  p.polrelid::regclass::text || '.' || p.polname as offender,
  case when 0 = any (p.polroles) then 'it is for public: say for whom' else 'it lets app_anonymous in' end as why,
  format('policies/%s.sql: create policy %s … to app_user', replace(p.polrelid::regclass::text, '.', '/'),
    p.polname) as mend
from pg_policy p
where 0 = any (p.polroles) or 'app_anonymous'::regrole = any (p.polroles)
