import 'postgraphile'
import type { PgResource, PgResourceUnique } from 'postgraphile/@dataplan/pg'
import { sql } from 'postgraphile/pg-sql2'
import type { FieldArgs } from 'postgraphile/grafast'
import { isLiveIndex } from './liveIndex.ts'

declare global {
  namespace DataplanPg {
    interface PgResourceUniqueExtensions {
      /** Unique among the rows that are not deleted: a look-up by it says so. */
      isLive?: boolean
    }
  }
}

/**
 * A name that is unique among what is not deleted is kept so by a partial index and not by a constraint, which is all that the
 * stock plugin makes look-ups of. Here a unique index `where deleted_at is null` is a key too: `projectBySlug(slug:)` finds the
 * project that has the slug now, and none of those that had it.
 */
export const LiveKeysPlugin: GraphileConfig.Plugin = {
  name: 'LiveKeysPlugin',
  version: '0.1.0',
  description: 'Look-ups by keys of the rows that are not deleted',
  // What they do to the keys of constraints they shall do to these.
  before: ['TenantKeysPlugin'],

  gather: {
    hooks: {
      pgTables_PgResourceOptions(_info, { pgClass, resourceOptions }) {
        const keys = pgClass
          .getIndexes()
          .filter((index) => index.indisunique && isLiveIndex(index, pgClass))
          .map((index): PgResourceUnique => ({
            attributes: index.getKeys().map((column) => column!.attname),
            extensions: { isLive: true },
          }))
        if (keys.length > 0) resourceOptions.uniques = [...(resourceOptions.uniques ?? []), ...keys]
      },
    },
  },

  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, build, context) {
        const { pgFieldResource, pgFieldResourceUnique: unique, isPgRowByUniqueConstraintField } = context.scope
        if (!isPgRowByUniqueConstraintField || !unique?.extensions?.isLive || !pgFieldResource) return field
        const resource = pgFieldResource as PgResource<any, any, any, any, any>
        const names = unique.attributes.map(
          (name) => [name, build.inflection.attribute({ attributeName: name, codec: resource.codec })] as const,
        )
        return {
          ...field,
          plan: (_$root: unknown, args: FieldArgs) => {
            const $rows = resource.find(Object.fromEntries(names.map(([name, arg]) => [name, args.getRaw(arg)])))
            $rows.where(sql`${$rows.alias}.deleted_at is null`)
            return $rows.single()
          },
        }
      },
    },
  },
}
