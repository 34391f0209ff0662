/* @name FindRelations */
-- A table, partition or view that somebody might try to reach; `columns` are those that can be written, none of a
-- view that takes no writes.
select n.name || '.' || quote_ident(c.relname) as "name!", n.name as "schema!",
  case
    when c.relispartition then 'partition'
    when c.relkind = 'v' then 'view'
    when c.relkind = 'm' then 'materialized view'
    else 'table'
  end as "kind!",
  array(
    select quote_ident(a.attname)
    from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      and (c.relkind <> 'v' or pg_column_is_updatable(c.oid, a.attnum, false))
    order by a.attnum
  ) as "columns!",
  array(
    select quote_ident(a.attname)
    from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    order by a.attnum
  ) as "readable!",
  array(
    select quote_ident(a.attname)
    from pg_index i
    join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where i.indrelid = c.oid and i.indisprimary
    order by array_position(i.indkey::int2[], a.attnum)
  ) as "key!"
from pg_class c
join app_private.our_schemas n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm')
order by 1;

/* @name FindThings */
-- Everything there is, of whatever kind. Left out are trigger functions in app_private, since nobody can call them, and
-- sequences of identity columns of which none of the roles may do anything: they are walked with their table.
select n.name || '.' || quote_ident(c.relname) as "name!",
  case c.relkind
    when 'S' then 'a sequence'
    when 'f' then 'a foreign table'
    else 'a relation of kind ' || c.relkind::text
  end as "kind!"
from pg_class c
join app_private.our_schemas n on n.oid = c.relnamespace
where c.relkind not in ('i', 'I', 'c', 't')
  and not (c.relkind = 'S'
    and exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i')
    and not exists (
      select from unnest(:roles!::text[]) r where has_sequence_privilege(r, c.oid, 'usage, select, update')))
union all
select f.oid::regprocedure::text,
  case
    when f.prorettype = 'trigger'::regtype then 'a trigger function outside of app_private'
    when f.prokind = 'a' then 'an aggregate'
    when f.prokind = 'w' then 'a window function'
    else 'a function'
  end
from pg_proc f
join app_private.our_schemas n on n.oid = f.pronamespace
where not (f.prorettype = 'trigger'::regtype and n.name = 'app_private')
order by 1;

/* @name FindRoutines */
-- A function that can be called: trigger functions can not. `executors` are the roles, of those given, that may.
select n.name || '.' || quote_ident(f.proname) as "name!", f.oid::regprocedure::text as "signature!",
  array(
    select format_type(t.type, null) from unnest(f.proargtypes) with ordinality t (type, place) order by t.place
  ) as "argumentTypes!",
  f.proisstrict as "isStrict!",
  array(
    select r
    from unnest(:roles!::text[]) r
    where has_function_privilege(r, f.oid, 'execute') and has_schema_privilege(r, n.oid, 'usage')
  ) as "executors!"
from pg_proc f
join app_private.our_schemas n on n.oid = f.pronamespace
where f.prokind in ('f', 'p') and f.prorettype <> 'trigger'::regtype
order by 2;

/* @name FindMailedToken */
-- Of the last mail of its kind to an address; only the worker can open it.
select app_private.decrypt_secret(e.token) as token
from app_private.emails e
where e.kind = :kind! and e.recipient = :recipient!
order by e.created_at desc, e.id desc
limit 1;
