import type pg from 'pg'

/** A table, partition or view that somebody might try to reach. */
export interface Relation {
  /** With schema, quoted where needed. */
  readonly name: string
  readonly schema: string
  readonly kind: 'table' | 'partition' | 'view' | 'materialized view'
  /** Columns that can be written, in order; none for a view that takes no writes. */
  readonly columns: readonly string[]
  /** Every column, in order. */
  readonly readable: readonly string[]
  readonly key: readonly string[]
}

/** A function that can be called: trigger functions can not. */
export interface Routine {
  /** With schema. */
  readonly name: string
  readonly signature: string
  readonly argumentTypes: readonly string[]
  readonly isStrict: boolean
  /** Roles, of those that the proof tries, which may execute it. */
  readonly executors: readonly string[]
}

export async function readRelations(client: pg.ClientBase): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `
    select n.name || '.' || quote_ident(c.relname) as name, n.name as schema,
      case when c.relispartition then 'partition' when c.relkind = 'v' then 'view' when c.relkind = 'm' then 'materialized view' else 'table' end as kind,
      array(select quote_ident(a.attname) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
          and (c.relkind <> 'v' or pg_column_is_updatable(c.oid, a.attnum, false)) order by a.attnum) as columns,
      array(select quote_ident(a.attname) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as readable,
      array(select quote_ident(a.attname) from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
        where i.indrelid = c.oid and i.indisprimary order by array_position(i.indkey::int2[], a.attnum)) as key
    from pg_class c
    join app_private.our_schemas n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm')
    order by 1`,
  )
  return rows
}

/** Something of our schemas that holds data or does something, as the proof names it. */
export interface Thing {
  readonly name: string
  readonly kind: string
}

/** Everything there is, of whatever kind; trigger functions in app_private are left out, since nobody can call them. */
export async function readThings(client: pg.ClientBase): Promise<Thing[]> {
  const { rows } = await client.query<Thing>(`
    select n.name || '.' || quote_ident(c.relname) as name,
      case c.relkind when 'S' then 'a sequence' when 'f' then 'a foreign table' else 'a relation of kind ' || c.relkind::text end as kind
    from pg_class c
    join app_private.our_schemas n on n.oid = c.relnamespace
    where c.relkind not in ('i', 'I', 'c', 't')
    union all
    select f.oid::regprocedure::text,
      case when f.prorettype = 'trigger'::regtype then 'a trigger function outside of app_private'
        else case f.prokind when 'a' then 'an aggregate' when 'w' then 'a window function' else 'a function' end end
    from pg_proc f
    join app_private.our_schemas n on n.oid = f.pronamespace
    where not (f.prorettype = 'trigger'::regtype and n.name = 'app_private')
    order by 1`)
  return rows
}

export async function readRoutines(client: pg.ClientBase, roles: readonly string[]): Promise<Routine[]> {
  const { rows } = await client.query<Routine>(
    `
    select n.name || '.' || quote_ident(f.proname) as name, f.oid::regprocedure::text as signature,
      array(select format_type(t.type, null) from unnest(f.proargtypes) with ordinality t (type, place) order by t.place) as "argumentTypes",
      f.proisstrict as "isStrict",
      array(select r from unnest($1::text[]) r
        where has_function_privilege(r, f.oid, 'execute') and has_schema_privilege(r, n.oid, 'usage')) as executors
    from pg_proc f
    join app_private.our_schemas n on n.oid = f.pronamespace
    where f.prokind in ('f', 'p') and f.prorettype <> 'trigger'::regtype
    order by 2`,
    [roles],
  )
  return rows
}
