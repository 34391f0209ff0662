with
  role (name, login, inherit) as (values
    ('freehold_owner',         true,  true),
    ('freehold_authenticator', true,  false),
    ('freehold_worker',        true,  true),
    ('app_anonymous',          false, true),
    ('app_user',               false, true),
    ('app_system',             false, true),
    ('app_operator',           false, true)
  ),
  membership (member, role, reason) as (values
    ('freehold_owner',         'app_system',      'hands the definer functions over'),
    ('freehold_owner',         'freehold_worker', 'hands over the functions that add jobs'),
    ('freehold_owner',         'app_operator',    'what npm run operator becomes'),
    ('freehold_authenticator', 'app_anonymous',   'what a request becomes'),
    ('freehold_authenticator', 'app_user',        'what a request becomes')
  )
select
  r.name as offender,
  'it is not as sql/bootstrap/roles.sql makes it' as why,
  format('as superuser: alter role %s nosuperuser nobypassrls nocreaterole noreplication %s %s;', r.name,
    case when r.login then 'login' else 'nologin' end, case when r.inherit then 'inherit' else 'noinherit' end) as mend
from role r
left join pg_roles p on p.rolname = r.name
where p.oid is null or p.rolsuper or p.rolbypassrls or p.rolcreaterole or p.rolreplication
  or p.rolcanlogin <> r.login or p.rolinherit <> r.inherit
union all
select
  m.member::regrole::text,
  'it is a member of ' || m.roleid::regrole || ', for which no reason is listed',
  format('as superuser: revoke %s from %s; a membership that is meant is granted in sql/bootstrap/roles.sql and listed '
    'in sql/checks/access/roles_hold_no_power_beyond_their_own.sql', m.roleid::regrole, m.member::regrole)
from pg_auth_members m
where (m.member::regrole::text in (select name from role)
    or m.roleid::regrole::text in ('app_system', 'freehold_owner', 'freehold_worker', 'app_operator'))
  and (m.member::regrole::text, m.roleid::regrole::text) not in (select member, role from membership)
  and not exists (select from pg_roles s where s.oid = m.member and s.rolsuper)
