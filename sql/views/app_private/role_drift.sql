-- What sql/bootstrap/roles.sql makes, said once more as what must be found. Passwords can not be told from here:
-- src/deploy/drift.ts tries them. Everybody may read these catalogs, so no superuser is needed to find out.
create or replace view app_private.role_drift as
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
    ('freehold_authenticator', 'app_user',        'what a request becomes'),
    ('app_system',             'pg_read_all_stats', 'measure_lag: since when whose transactions are open')
  ),
  bound (role, setting) as (values
    ('freehold_authenticator', 'transaction_timeout=5min'),
    ('freehold_worker',        'transaction_timeout=5min'),
    ('freehold_authenticator', 'idle_in_transaction_session_timeout=1min'),
    ('freehold_worker',        'idle_in_transaction_session_timeout=1min'),
    ('freehold_owner',         'idle_in_transaction_session_timeout=15min')
  ),
  member as (
    select m.member::regrole::text as member, m.roleid::regrole::text as role, m.admin_option
    from pg_catalog.pg_auth_members m
    where not exists (select from pg_catalog.pg_roles s where s.oid = m.member and s.rolsuper)
  )
select r.name as role, a.what, true as is_power
from role r
left join pg_catalog.pg_roles p on p.rolname = r.name
cross join lateral (values
  (p.oid is null,               'it does not exist'),
  (p.rolsuper,                  'it is a superuser'),
  (p.rolbypassrls,              'it passes row security by'),
  (p.rolcreaterole,             'it may create roles'),
  (p.rolcreatedb,               'it may create databases'),
  (p.rolreplication,            'it may replicate'),
  (p.rolcanlogin <> r.login,    case when r.login then 'it may not log in' else 'it may log in' end),
  (p.rolinherit <> r.inherit,   case when r.inherit then 'it does not inherit' else 'it inherits' end)
) a (holds, what)
where a.holds
union all
select m.member, 'it is a member of ' || m.role || ', for which no reason is listed', true
from member m
where (m.member in (select name from role) or m.role in (select name from role))
  and (m.member, m.role) not in (select w.member, w.role from membership w)
union all
select m.member, 'it may hand on its membership of ' || m.role, true
from member m
where m.admin_option and (m.member, m.role) in (select w.member, w.role from membership w)
union all
select w.member, 'it is no member of ' || w.role, false
from membership w
where (w.member, w.role) not in (select m.member, m.role from member m)
union all
select r.name, a.what, false
from role r
join pg_catalog.pg_roles p on p.rolname = r.name
cross join lateral (values
  (p.rolconnlimit <> -1,         'it may have ' || p.rolconnlimit || ' connections'),
  (p.rolvaliduntil < 'infinity', 'its password ends at ' || p.rolvaliduntil)
) a (holds, what)
where a.holds
union all
select s.setrole::regrole::text, 'it has the setting ' || split_part(c.setting, '=', 1), false
from pg_catalog.pg_db_role_setting s
cross join lateral unnest(s.setconfig) c (setting)
where s.setrole::regrole::text in (select name from role)
  and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
  and not (s.setdatabase = 0 and (s.setrole::regrole::text, c.setting) in (select b.role, b.setting from bound b))
union all
select b.role, 'it lacks the setting ' || b.setting, false
from bound b
where not exists (
  select from pg_catalog.pg_db_role_setting s
  where s.setrole::regrole::text = b.role and s.setdatabase = 0 and b.setting = any (s.setconfig))
union all
select 'database ' || d.datname, 'its time zone is not set to UTC', false
from pg_catalog.pg_database d
where d.datname = current_database() and not exists (
  select from pg_catalog.pg_db_role_setting s
  where s.setdatabase = d.oid and s.setrole = 0 and 'TimeZone=UTC' ilike any (s.setconfig))
union all
select 'database ' || d.datname, 'everybody may ' || lower(x.privilege_type), false
from pg_catalog.pg_database d
cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
where d.datname = current_database() and x.grantee = 0
union all
-- A store that tenants would share and nobody would bound, and a way to write as much log as one likes.
select 'public', 'everybody may call ' || f.oid::regprocedure, false
from pg_catalog.pg_proc f
cross join lateral aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x
where f.pronamespace = 'pg_catalog'::regnamespace and x.grantee = 0
  and (f.proname ~ '^lo_' or f.proname in ('loread', 'lowrite', 'pg_logical_emit_message'));
comment on view app_private.role_drift is
  'Where the roles, the database and what is open to everybody differ from what sql/bootstrap/roles.sql makes; '
  'is_power: somebody may more than was meant.';
