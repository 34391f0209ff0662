-- _NNN_<task>: they fire in the order of their names.
select
  t.full_name || '.' || g.tgname as offender,
  'a trigger is _NNN_<task> and runs tg__<task> or tg_<table>__<task> of app_private' as why,
  format('sql/triggers/%s/%s.sql: call it _NNN_%s and let it execute function app_private.%s; NNN: 100 normalise, 200 '
    'forbid, 300 move, 400 keep, 500 effects, 800 events, 900 audit', t.schema, t.name,
    regexp_replace(f.proname, '^tg_.*?__', ''), f.proname) as mend
from pg_trigger g
join app_private.our_tables t on t.oid = g.tgrelid
join pg_proc f on f.oid = g.tgfoid
where not g.tgisinternal and g.tgparentid = 0
  and not (
    g.tgname ~ '^_[0-9]{3}_[a-z_]+$'
    and f.pronamespace = 'app_private'::regnamespace
    and f.proname in ('tg__' || substr(g.tgname, 6), 'tg_' || t.name || '__' || substr(g.tgname, 6)))
