select p.polrelid::regclass::text || '.' || p.polname as offender, 'no comment says who may' as why
from pg_policy p
where coalesce(obj_description(p.oid, 'pg_policy'), '') = ''
