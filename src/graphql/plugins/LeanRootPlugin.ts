import 'postgraphile'

/** Takes `projectByNodeId` and its kin off the root: `node(nodeId:)` does the same for every type. */
export const LeanRootPlugin: GraphileConfig.Plugin = {
  name: 'LeanRootPlugin',
  version: '0.1.0',
  description: 'One way to read a node',
  schema: {
    hooks: {
      GraphQLObjectType_fields: {
        after: ['NodeAccessorPlugin'],
        callback(fields, build, { scope }) {
          if (!scope.isRootQuery) return fields
          for (const type of build.getNodeTypeNames?.() ?? []) delete fields[build.inflection.nodeById(type)]
          return fields
        },
      },
    },
  },
}
