-- What is immutable or stable may be called at planning, once for many rows, or not at all. What raises, writes, or
-- calls what does, is volatile; what reads tables, settings or the time is not immutable.
-- Bodies are read as text, without comments and literals; of overloads the most lenient counts.
with
  excused (name, called, reason) as (values
    ('audit.describe_change', 'extensions.gen_random_bytes',
      'melts into the insert of its trigger only when stable; the salts in it stay one a row'),
    ('audit.describe_change', 'uuidv7', 'as its salts'),
    ('audit.describe_change', 'clock_timestamp', 'as its salts')
  ),
  -- Their volatility is that of their worst use.
  harmless (called, reason) as (values
    ('convert_to', 'stable, since conversions can be replaced; nobody replaces those of utf8'),
    ('pg_xact_commit_timestamp', 'volatile for transactions that still run, of which no statement sees another''s')
  ),
  bodies as (
    select s.name || '.' || f.proname as name, f.oid::regprocedure::text as signature, f.provolatile as promised,
      format('functions/%s/…/%s.sql', s.name, f.proname) as place,
      regexp_replace(regexp_replace(f.prosrc, '--[^\n]*', '', 'g'), '''(?:[^'']|'''')*''', '''''', 'g') as body
    from pg_proc f
    join app_private.our_schemas s on s.oid = f.pronamespace
    where f.provolatile <> 'v' and f.prorettype <> 'trigger'::regtype
  ),
  functions as (
    select p.proname::text as called, min(position(p.provolatile in 'isv')) as rank
    from pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace
    group by p.proname
    union all
    select n.nspname || '.' || p.proname, min(position(p.provolatile in 'isv'))
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'extensions' or n.oid in (select oid from app_private.our_schemas)
    group by n.nspname, p.proname
  ),
  deeds (name, signature, promised, place, rank, deed) as (
    select b.name, b.signature, b.promised, b.place, f.rank, 'calls ' || m.call[1]
    from bodies b
    cross join lateral regexp_matches(b.body, '(\m[a-z_]+[.][a-z_0-9]+|(?<![.])\m[a-z_0-9]+)\s*[(]', 'g') m (call)
    join functions f on f.called = replace(m.call[1], 'pg_catalog.', '')
    where f.called not in (select called from harmless) and (b.name, f.called) not in (select name, called from excused)
    union all
    select b.name, b.signature, b.promised, b.place, k.rank, k.deed
    from bodies b
    join (values
      (3, 'writes',
        '\m(insert\s+into|delete\s+from|merge\s+into|truncate)\M|\mupdate\s+[a-z_]+[.][a-z_]+\M'),
      (3, 'locks rows',     '\mfor\s+(no\s+key\s+)?update\M|\mfor\s+(key\s+)?share\M'),
      (3, 'raises',         '\mraise\M(?!\s+(debug|log|info|notice|warning)\M)'),
      (3, 'runs what is put together then', '\mexecute\M'),
      (2, 'reads a table',  '\m(from|join)\s+(app_[a-z]+|audit|partitions|graphile_worker)[.][a-z_]+\M(?!\s*[(])'),
      (2, 'asks for the time or the role',
        '\m(current_date|current_time|current_timestamp|localtime|localtimestamp|session_user)\M(?!\s*[(])')
    ) k (rank, deed, pattern) on b.body ~* k.pattern
  )
select
  d.signature as offender,
  format('it is %s, and %s', case d.promised when 'i' then 'immutable' else 'stable' end,
    string_agg(distinct d.deed, ', ' order by d.deed)) as why,
  format('%s: make it %s; what calls it must be so too', d.place,
    case max(d.rank) when 3 then 'volatile' else 'stable' end) as mend
from deeds d
where d.rank > position(d.promised in 'isv')
group by d.signature, d.promised, d.place
