import type { PgClass, PgIndex } from 'postgraphile/graphile-build-pg/pg-introspection'

/** The catalog's own way to write `<column> is null`. */
const IS_NULL = /^\{NULLTEST :arg \{VAR :varno 1 :varattno (\d+) [^{}]*\} :nulltesttype 0 [^{}]*\}$/

/** True for an index on columns of the rows that are not deleted: `where deleted_at is null`. */
export function isLiveIndex(index: PgIndex, pgClass: PgClass): boolean {
  const column = pgClass.getAttributes().find(({ attname }) => attname === 'deleted_at')
  return (
    column !== undefined &&
    Number(IS_NULL.exec(index.indpred ?? '')?.[1]) === column.attnum &&
    index.getKeys().every((key) => key !== null)
  )
}
