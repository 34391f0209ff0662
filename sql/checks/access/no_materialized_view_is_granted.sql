-- Policies do not hold for them. They live in app_hidden, behind a view.
select
  c.oid::regclass::text as offender,
  case
    when s.name <> 'app_hidden' then 'it belongs into app_hidden'
    else 'somebody besides its owner and app_system may read it'
  end as why,
  case
    when s.name <> 'app_hidden' then format('alter materialized view %s set schema app_hidden;', c.oid::regclass)
    else format('revoke all on %s from app_user, app_anonymous, freehold_worker;', c.oid::regclass)
  end || ' in migrations/current.sql, and show it through a view in sql/views/app_public that filters by tenant' as mend
from pg_class c
join app_private.our_schemas s on s.oid = c.relnamespace
where c.relkind = 'm'
  and (s.name <> 'app_hidden' or exists (
    select from aclexplode(c.relacl) x where x.grantee not in (c.relowner, 'app_system'::regrole)))
