with
  ledgers (name, writable) as (values
    ('audit.row_versions',    '{personal,personal_salt,ip,user_agent,origin_salt}'::text[]),
    ('audit.seals',           '{}'),
    ('audit.erasures',        '{}'),
    ('app_public.audit_logs', '{ip_address,user_agent,details}'),
    ('app_public.events',     null)
  )
select l.name as offender, r.rolname || ' may ' || lower(p.privilege) as why
from ledgers l
cross join pg_roles r
cross join (values ('DELETE'), ('TRUNCATE'), ('UPDATE')) p (privilege)
where r.rolname in ('app_anonymous', 'app_user', 'app_system', 'freehold_worker', 'freehold_authenticator')
  and l.writable is not null and has_table_privilege(r.oid, l.name, p.privilege)
union all
select l.name || '.' || a.attname, r.rolname || ' may update it'
from ledgers l
join pg_attribute a on a.attrelid = l.name::regclass and a.attnum > 0 and not a.attisdropped
cross join pg_roles r
where r.rolname in ('app_anonymous', 'app_user', 'app_system', 'freehold_worker', 'freehold_authenticator')
  and l.writable is not null
  and has_column_privilege(r.oid, l.name, a.attname, 'UPDATE') and not (r.rolname = 'app_system' and a.attname = any (l.writable))
union all
select l.name, 'no trigger refuses ' || op.name || ' to its owner'
from ledgers l
cross join (values ('update', 16), ('delete', 8), ('truncate', 32)) op (name, bit)
where not exists (
  select from pg_trigger t
  join pg_proc f on f.oid = t.tgfoid
  where t.tgrelid = l.name::regclass and t.tgenabled = 'O' and t.tgtype & op.bit > 0 and f.proname in ('tg__refuse_change', 'tg__refuse_change_but_erasure'))
