with
  refused (type, instead) as (values
    ('timestamp without time zone', 'timestamptz'),
    ('time with time zone',         'timestamptz'),
    ('character varying',           'text with a check'),
    ('character',                   'text with a check'),
    ('"char"',                      'text or an enum'),
    ('json',                        'jsonb'),
    ('money',                       'numeric(12,2) with a currency'),
    ('real',                        'numeric or double precision'),
    ('extensions.citext',           'a domain that stores lower case')
  ),
  columns as (
    select c.oid::regclass::text as place, a.attname as name, a.atttypid,
      format_type(a.atttypid, null) as written,
      format_type(coalesce(nullif(t.typbasetype, 0), nullif(t.typelem, 0), a.atttypid), null) as type
    from pg_class c
    join app_private.our_schemas s on s.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p', 'c')
  )
select
  c.place || '.' || c.name as offender,
  r.type || ' is not used' as why,
  format('migrations/current.sql: make %s %s', c.name, r.instead) as mend
from columns c
join refused r on r.type = c.type
union all
select
  c.place || '.' || c.name,
  'a name in _at is a timestamptz',
  format('migrations/current.sql: make %s timestamptz, or give it a name that does not say when', c.name)
from columns c
where c.name like '%\_at' and c.atttypid <> 'timestamptz'::regtype and c.written not in (select type from refused)
