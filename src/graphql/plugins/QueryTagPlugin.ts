import 'postgraphile'

/**
 * A function with the smart tag `query` is a field of Query though it is volatile: whatever it does, it takes back.
 * PostGraphile takes every volatile function for a mutation, and reads the volatility nowhere else.
 */
export const QueryTagPlugin: GraphileConfig.Plugin = {
  name: 'QueryTagPlugin',
  version: '0.1.0',
  description: 'Shows volatile functions that leave nothing behind as queries',
  gather: {
    hooks: {
      pgProcedures_PgResourceOptions(_info, { pgProc, resourceOptions }) {
        if (pgProc.getTagsAndDescription().tags.query === true) resourceOptions.isMutation = false
      },
    },
  },
}
