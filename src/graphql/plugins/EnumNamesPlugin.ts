import 'postgraphile'

/** Enum values read as GraphQL writes them: `in_progress` is `IN_PROGRESS`. */
export const EnumNamesPlugin: GraphileConfig.Plugin = {
  name: 'EnumNamesPlugin',
  version: '0.1.0',
  description: 'Upper-case enum values',
  inflection: {
    replace: {
      enumValue(_previous, _preset, value) {
        return this.coerceToGraphQLName(this.constantCase(value))
      },
    },
  },
}
