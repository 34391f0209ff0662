import 'postgraphile'
import type { PgClass } from 'postgraphile/graphile-build-pg/pg-introspection'
import { isLiveIndex } from './liveIndex.ts'
import { TENANT_ID } from './tenantTable.ts'

/**
 * Filters and orders are offered where an index serves them. The stock plugin takes any column of any index and
 * believes partitioned parents to be indexed throughout; here a column may be filtered by when an index has it that leaves out
 * nothing but deleted rows, and ordered by when all that stands before it in that index is the tenant and references,
 * as in `(tenant_id, project_id, created_at)`. A column is let in by the smart tag `isIndexed`.
 */
export const IndexedOnlyPlugin: GraphileConfig.Plugin = {
  name: 'IndexedOnlyPlugin',
  version: '0.1.0',
  description: 'Offers filters and orders where an index serves them',
  after: ['smart-tags', 'PgIndexBehaviorsPlugin'],

  gather: {
    hooks: {
      pgCodecs_attribute(_info, { pgAttribute, attribute }) {
        const pgClass = pgAttribute.getClass()
        if (!pgClass || !['r', 'p', 'm'].includes(pgClass.relkind) || attribute.extensions?.tags?.isIndexed) return
        const name = pgAttribute.attname
        const indexes = columnsOfIndexes(pgClass)
        attribute.extensions ??= Object.create(null) as NonNullable<typeof attribute.extensions>
        const tags = (attribute.extensions.tags ??= {})
        const refused = [
          ...(indexes.some((columns) => columns.includes(name)) ? [] : ['-filterBy']),
          ...(indexes.some((columns) => sortsBy(columns, name)) ? [] : ['-orderBy']),
        ]
        tags.behavior = [...refused, ...[tags.behavior ?? []].flat()]
        // The stock plugin counts no partial index at all.
        delete attribute.extensions.isIndexed
      },
    },
  },
}

/** Column lists of the indexes that cover every row, or every row that is not deleted; expressions have no name and end the list. */
function columnsOfIndexes(pgClass: PgClass): string[][] {
  return pgClass
    .getIndexes()
    .filter((index) => !index.indpred || isLiveIndex(index, pgClass))
    .map((index) => {
      const names: string[] = []
      for (const column of index.getKeys().slice(0, index.indnkeyatts ?? undefined)) {
        if (!column) break
        names.push(column.attname)
      }
      return names
    })
}

function sortsBy(columns: readonly string[], name: string): boolean {
  const place = columns.indexOf(name)
  return place >= 0 && columns.slice(0, place).every((before) => before === TENANT_ID || before.endsWith('_id'))
}
