import type pg from 'pg'
import { makeIntrospectionQuery, parseIntrospectionResults, type Introspection } from 'pg-introspection'
import type { Catalog, Column, Constraint, Index, Months, Policy, Relation, Rule, Trigger } from './catalogModel.ts'
import * as ask from './catalogQueries.ts'

/** Settings that change what the pg_get_* functions print. */
const READING = {
  search_path: 'pg_catalog, pg_temp',
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  quote_all_identifiers: 'off',
}

/**
 * Reads our schemas from the catalogs of the database `client` is connected to: definitions, owners, privileges, policies and comments.
 * Session settings that colour the answer are set for the time of reading and put back.
 */
export async function introspect(client: pg.ClientBase): Promise<Catalog> {
  const names = Object.keys(READING)
  const before = (
    await client.query<{ name: string; setting: string }>(
      'select name, current_setting(name) as setting from pg_catalog.unnest($1::text[]) name',
      [names],
    )
  ).rows
  const set = (name: string, value: string) =>
    client.query('select pg_catalog.set_config($1, $2, false)', [name, value])
  const rows = async <T extends pg.QueryResultRow>(sql: string, parameters: unknown[] = [ask.OUR_SCHEMAS]) =>
    (await client.query<T>(sql, parameters)).rows
  const lines = async (sql: string, parameters: unknown[] = []) =>
    (await rows<{ line: string }>(sql, parameters)).map((row) => row.line)
  for (const [name, value] of Object.entries(READING)) await set(name, value)
  try {
    type Bare = Omit<Relation, 'columns' | 'constraints' | 'indexes' | 'triggers' | 'policies' | 'rules' | 'months'>
    const parts = {
      columns: await rows<Column>(ask.COLUMNS),
      constraints: await rows<Constraint>(ask.CONSTRAINTS),
      indexes: await rows<Index>(ask.INDEXES),
      triggers: await rows<Trigger>(ask.TRIGGERS),
      policies: await rows<Policy>(ask.POLICIES),
      rules: await rows<Rule>(ask.RULES),
    }
    const months = await rows<Months>(ask.MONTHS)
    const relations = (await rows<Bare>(ask.RELATIONS)).map((relation): Relation => {
      const own = <T extends { relation: number }>(all: T[]) => all.filter((part) => part.relation === relation.oid)
      return {
        ...relation,
        columns: own(parts.columns),
        constraints: own(parts.constraints),
        indexes: own(parts.indexes),
        triggers: own(parts.triggers),
        policies: own(parts.policies),
        rules: own(parts.rules),
        months: months.filter((month) => month.parent === relation.oid),
      }
    })
    return {
      relations,
      detached: months.filter((month) => month.parent === null),
      schemas: await rows(ask.SCHEMAS),
      types: await rows(ask.TYPES),
      sequences: await rows(ask.SEQUENCES),
      routines: await rows(ask.ROUTINES),
      defaults: await rows(ask.DEFAULTS),
      roles: await lines(ask.ROLES),
      database: await lines(ask.DATABASE),
      extensions: await lines(ask.EXTENSIONS),
      others: await lines(ask.OTHERS, [ask.OUR_SCHEMAS]),
    }
  } finally {
    // In a transaction that failed nothing can be put back, and the rollback does it.
    for (const { name, setting } of before) await set(name, setting).catch(() => undefined)
  }
}

/**
 * The rows of the catalogs as pg-introspection reads and joins them, what extensions brought left out. Whatever is made of rows is made of
 * these: functions.ts, the types of pgtyped. The dump and the documents are made of definitions ({@link introspect}), which only the
 * server writes (pg_get_functiondef, pg_get_expr, format_type …), and of catalogs that it leaves out: triggers and their functions,
 * rules, defaults of columns, sequences, default privileges, settings of roles, statistics, publications.
 */
export async function readIntrospection(client: pg.ClientBase): Promise<Introspection> {
  const { rows } = await client.query<{ introspection: string }>(makeIntrospectionQuery())
  return parseIntrospectionResults(rows[0]!.introspection)
}
