import 'postgraphile'
import type { GraphQLSchema } from 'postgraphile/graphql'

declare global {
  namespace DataplanPg {
    interface PgResourceExtensions {
      /** Whether app_anonymous may execute the function. */
      isForAnybody?: boolean
    }
  }
}

const known = new WeakMap<GraphQLSchema, ReadonlySet<string>>()

/** Root fields that somebody who is not signed in may ask for. */
export function anonymousFieldsOf(schema: GraphQLSchema): ReadonlySet<string> {
  const names = known.get(schema)
  if (!names) throw new Error('This schema was made without AnonymousFieldsPlugin')
  return names
}

/**
 * Finds what nobody may do in the catalog: functions that are granted to app_anonymous, which reads and writes no table. All other
 * root fields would end in a refusal of the database; known before, it costs nothing.
 */
export const AnonymousFieldsPlugin: GraphileConfig.Plugin = {
  name: 'AnonymousFieldsPlugin',
  version: '0.1.0',
  description: 'Knows the fields of those who are not signed in',

  gather: {
    hooks: {
      pgProcedures_PgResourceOptions(_info, { pgProc, resourceOptions }) {
        const isForAnybody = pgProc
          .getACL()
          .some(({ role, execute }) => execute === true && ['app_anonymous', 'public', ''].includes(role))
        resourceOptions.extensions = { ...resourceOptions.extensions, isForAnybody }
      },
    },
  },

  schema: {
    hooks: {
      finalize(schema, build) {
        const names = new Set<string>()
        for (const resource of Object.values(build.pgResources)) {
          if (resource.extensions?.isForAnybody !== true) continue
          const details = { resource: resource as never }
          if (resource.isMutation) names.add(build.inflection.customMutationField(details))
          else {
            names.add(build.inflection.customQueryField(details))
            names.add(build.inflection.customQueryConnectionField(details))
          }
        }
        known.set(schema, names)
        return schema
      },
    },
  },
}
