import 'postgraphile'
import { isTenantColumn, isTenantTable, TENANT_ID } from './tenantTable.ts'

/**
 * Keys of tenant tables lose their first part in the API: `(tenant_id, id)` is `(id)`, `(tenant_id, slug)` is `(slug)`.
 * The tenant is the claim's, so no field, argument, filter or input is named after it. TenantFilterPlugin is what
 * makes the shortened keys unique.
 */
export const TenantKeysPlugin: GraphileConfig.Plugin = {
  name: 'TenantKeysPlugin',
  version: '0.1.0',
  description: 'Leaves the tenant out of keys and columns',
  after: ['PgSimplifyInflectionPlugin', 'smart-tags'],

  inflection: {
    replace: {
      // `id` is the column; the Relay identifier has a name of its own.
      nodeIdFieldName: () => 'nodeId',
      _attributeName: (previous, _preset, details) => previous!({ ...details, skipRowId: true }),
    },
  },

  gather: {
    hooks: {
      pgTables_PgResourceOptions(_info, { pgClass, resourceOptions }) {
        if (!resourceOptions.uniques) return
        const primary = resourceOptions.uniques.find((unique) => unique.isPrimary)
        const kept = []
        for (const unique of resourceOptions.uniques) {
          const attributes = isTenantTable(pgClass)
            ? unique.attributes.filter((name) => name !== TENANT_ID)
            : unique.attributes
          // (tenant_id) alone is a key of the tenant, and a key that contains the primary key tells nothing new.
          const isWider =
            unique !== primary &&
            primary !== undefined &&
            primary.attributes.every((name) => unique.attributes.includes(name))
          if (attributes.length === 0 || isWider) continue
          const tags = { ...unique.extensions?.tags }
          // Rows are changed by their id only; a partitioned table can't be searched by id without its time.
          tags.behavior = [
            ...(unique.isPrimary ? [] : ['-constraint:resource:update', '-constraint:resource:delete']),
            ...(pgClass.relkind === 'p' ? ['-query:resource:single'] : []),
            ...[tags.behavior ?? []].flat(),
          ]
          kept.push({ ...unique, attributes, extensions: { ...unique.extensions, tags } })
        }
        resourceOptions.uniques = kept
      },

      pgCodecs_attribute(_info, { pgAttribute, attribute }) {
        if (!isTenantColumn(pgAttribute)) return
        attribute.extensions ??= Object.create(null) as NonNullable<typeof attribute.extensions>
        attribute.extensions.tags = {
          ...attribute.extensions.tags,
          behavior: ['-select', '-base', '-insert', '-update', '-filterBy', '-orderBy'],
        }
      },

      // `tenant.projects` and forty more would only repeat the root fields: there is one tenant in a request.
      pgRelations_relation(_info, { pgConstraint, relation }) {
        const columns = pgConstraint.getAttributes() ?? []
        if (
          pgConstraint.getTags().isHistory ||
          !relation.isReferencee ||
          columns.length !== 1 ||
          !isTenantColumn(columns[0]!)
        )
          return
        relation.extensions ??= Object.create(null) as NonNullable<typeof relation.extensions>
        const tags = relation.extensions.tags ?? {}
        relation.extensions.tags = {
          ...tags,
          behavior: ['-connection', '-list', '-single', ...[tags.behavior ?? []].flat()],
        }
      },
    },
  },
}
