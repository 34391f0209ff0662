import 'postgraphile'

/** A mutation that returns a row names it after its type: `createTenant { tenant { id } }`; anything else is `result`. */
export const ResultNamesPlugin: GraphileConfig.Plugin = {
  name: 'ResultNamesPlugin',
  version: '0.1.0',
  description: 'Names the rows that functions return',
  inflection: {
    replace: {
      functionMutationResultFieldName(previous, _preset, details) {
        const { codec, extensions } = details.resource
        if (
          typeof extensions?.tags?.resultFieldName === 'string' ||
          !codec.attributes ||
          codec.extensions?.isTableLike !== true
        ) {
          return previous!(details)
        }
        const name = this.camelCase(this.tableType(codec))
        return details.resource.isUnique ? name : this.pluralize(name)
      },
    },
  },
}
