with
  ledgers (name, writable) as (values
    ('audit.row_versions',    '{personal,personal_salt,ip,user_agent,origin_salt}'::text[]),
    ('audit.seals',           '{}'),
    ('audit.erasures',        '{}'),
    ('app_public.audit_logs', '{ip_address,user_agent,details}'),
    ('app_public.events',     null)
  ),
  writers as (
    select r.oid, r.rolname
    from pg_roles r
    where r.rolname in ('app_anonymous', 'app_user', 'app_system', 'freehold_worker', 'freehold_authenticator',
      'app_operator')
  )
select
  l.name as offender,
  w.rolname || ' may ' || lower(p.privilege) as why,
  format('policies/%s.sql: grant nothing but select and insert (revoke %s on %s from %s;)', replace(l.name, '.', '/'),
    lower(p.privilege), l.name, w.rolname) as mend
from ledgers l
cross join writers w
cross join (values ('DELETE'), ('TRUNCATE'), ('UPDATE')) p (privilege)
where l.writable is not null and has_table_privilege(w.oid, l.name, p.privilege)
union all
select
  l.name || '.' || a.attname,
  w.rolname || ' may update it',
  format('policies/%s.sql: revoke update (%s) on %s from %s;', replace(l.name, '.', '/'), a.attname, l.name, w.rolname)
from ledgers l
join pg_attribute a on a.attrelid = l.name::regclass and a.attnum > 0 and not a.attisdropped
cross join writers w
where l.writable is not null and has_column_privilege(w.oid, l.name, a.attname, 'UPDATE')
  and not (w.rolname = 'app_system' and a.attname = any (l.writable))
union all
select
  l.name,
  'no trigger refuses ' || op.name || ' to its owner',
  format('sql/triggers/%1$s.sql: create or replace trigger _200_refuse_change before %2$s on %3$s … execute function '
    'app_private.tg__refuse_change(''%4$s'');', replace(l.name, '.', '/'), op.name, l.name, split_part(l.name, '.', 2))
from ledgers l
cross join (values ('update', 16), ('delete', 8), ('truncate', 32)) op (name, bit)
where not exists (
  select from pg_trigger t
  join pg_proc f on f.oid = t.tgfoid
  where t.tgrelid = l.name::regclass and t.tgenabled = 'O' and t.tgtype & op.bit > 0
    and f.proname in ('tg__refuse_change', 'tg__refuse_change_but_erasure'))
