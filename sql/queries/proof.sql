/* @name FindRelations */
-- A table, partition or view that somebody might try to reach; `columns` are those that can be written.
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as "name!", n.nspname as "schema!",
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
    from pg_index i
    join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where i.indrelid = c.oid and i.indisprimary
    order by array_position(i.indkey::int2[], a.attnum)
  ) as "key!"
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm') and n.nspname = any (:schemas!::text[])
order by 1;

/* @name FindRoutines */
-- A function that can be called: trigger functions can not. `executors` are the roles, of those given, that may.
select quote_ident(n.nspname) || '.' || quote_ident(f.proname) as "name!", f.oid::regprocedure::text as "signature!",
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
join pg_namespace n on n.oid = f.pronamespace
where f.prokind in ('f', 'p') and f.prorettype <> 'trigger'::regtype and n.nspname = any (:schemas!::text[])
order by 2;

/* @name FindMailedToken */
-- Of the last mail of its kind to an address; only the worker can open it.
select app_private.decrypt_secret(e.token) as token
from app_private.emails e
where e.kind = :kind! and e.recipient = :recipient!
order by e.created_at desc, e.id desc
limit 1;
