-- Excused: what app_user reads under its own policies, through views that ask as their reader.
with
  excused (name, privilege, reason) as (values
    ('audit',              'USAGE',  'the views of the history read as their reader'),
    ('audit.row_versions', 'SELECT', 'the views of the history read as their reader'),
    ('audit.seals',        'SELECT', 'an admin may keep the seals of the tenant')
  ),
  shut as (
    select n.oid, n.nspname::text as name, n.nspacl
    from pg_namespace n
    where n.nspname in ('graphile_worker', 'extensions')
      or (n.oid in (select oid from app_private.our_schemas) and n.nspname not in ('app_public', 'app_hidden'))
  ),
  granted (name, what, privilege, grantee) as (
    select s.name, 'schema ' || s.name, x.privilege_type, x.grantee
    from shut s
    cross join lateral aclexplode(s.nspacl) x
    where x.grantee in (0, 'app_anonymous'::regrole, 'app_user'::regrole)
    union all
    select s.name || '.' || c.relname, s.name || '.' || c.relname, x.privilege_type, x.grantee
    from pg_class c
    join shut s on s.oid = c.relnamespace
    cross join lateral aclexplode(c.relacl) x
    where s.name in ('app_private', 'audit', 'graphile_worker') and x.grantee = 'app_user'::regrole
  )
select
  g.name as offender,
  g.privilege || ' is granted to ' || r.name as why,
  format('revoke %s on %s from %s; in migrations/current.sql; what people need of it a definer function or a view '
    'in app_public gives', lower(g.privilege), g.what, r.name) as mend
from granted g
cross join lateral (select case g.grantee when 0 then 'public' else g.grantee::regrole::text end) r (name)
where not (r.name = 'app_user' and (g.name, g.privilege) in (select name, privilege from excused))
