with refused (type, instead) as (values
  ('timestamp without time zone', 'timestamptz'),
  ('time with time zone',         'timestamptz'),
  ('character varying',           'text with a check'),
  ('character',                   'text with a check'),
  ('"char"',                      'text or an enum'),
  ('json',                        'jsonb'),
  ('money',                       'numeric(12,2) with a currency'),
  ('real',                        'numeric or double precision'),
  ('extensions.citext',           'a domain that stores lower case')
)
select c.oid::regclass::text || '.' || a.attname as offender, r.type || ' is not used: ' || r.instead as why
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_type t on t.oid = a.atttypid
join refused r on format_type(coalesce(nullif(t.typbasetype, 0), nullif(t.typelem, 0), a.atttypid), null) = r.type
where c.relkind in ('r', 'p', 'c') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
union all
select c.oid::regclass::text || '.' || a.attname, 'a name in _at is a timestamptz'
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p', 'c') and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions') and a.attname like '%\_at' and a.atttypid <> 'timestamptz'::regtype
  and format_type(a.atttypid, null) not in (select type from refused)
