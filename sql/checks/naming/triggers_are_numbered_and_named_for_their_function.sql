-- _NNN_<task>: they fire in the order of their names.
select c.oid::regclass::text || '.' || t.tgname as offender,
  'a trigger is _NNN_<task> and runs tg__<task> or tg_<table>__<task> of app_private' as why
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_proc f on f.oid = t.tgfoid
where not t.tgisinternal and t.tgparentid = 0 and n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions')
  and not (
    t.tgname ~ '^_[0-9]{3}_[a-z_]+$'
    and f.pronamespace = 'app_private'::regnamespace
    and f.proname in ('tg__' || substr(t.tgname, 6), 'tg_' || c.relname || '__' || substr(t.tgname, 6)))
