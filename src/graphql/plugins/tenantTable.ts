import type { PgAttribute, PgClass } from 'postgraphile/graphile-build-pg/pg-introspection'

/** The column that says whose a row is. */
export const TENANT_ID = 'tenant_id'

/**
 * True for a relation whose rows each belong to one tenant. A nullable tenant_id on a table does not count:
 * such rows may belong to nobody or to everybody, and row security alone decides. The columns of a view are
 * nullable to the catalog, so there the name is enough.
 */
export function isTenantTable(pgClass: PgClass): boolean {
  const attribute = pgClass.getAttributes().find((a) => a.attname === TENANT_ID)
  return attribute !== undefined && isTenantColumn(attribute)
}

/** The same question asked of one column. */
export function isTenantColumn(attribute: PgAttribute): boolean {
  if (attribute.attname !== TENANT_ID) return false
  const kind = attribute.getClass()?.relkind
  return kind === 'v' || kind === 'm' ? true : attribute.attnotnull === true
}
