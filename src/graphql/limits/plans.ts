import { execute } from 'postgraphile/grafast'
import { parse, type GraphQLSchema } from 'postgraphile/graphql'

/** Plans that one document may have at once. */
const PLANS_OF_ONE = 8

/**
 * Gives a schema a store of plans that lives as long as its documents do. Grafast's own keeps the 500 used last of everybody, so
 * that one caller's documents push out all others'; a plan has no life of its own when its document is forgotten.
 * @throws Error when this Grafast keeps its plans elsewhere.
 */
export function keepPlansWithDocuments(schema: GraphQLSchema): void {
  // The store is made with the first plan.
  void execute({ schema, document: parse('{ __typename }'), contextValue: {} as never })
  const extensions = (schema.extensions.grafast ?? {}) as unknown as Record<symbol, unknown>
  const name = Object.getOwnPropertySymbols(extensions).find(({ description }) => description === 'cacheByOperation')
  if (name === undefined)
    throw new Error('This Grafast keeps its plans elsewhere: src/graphql/limits/plans.ts must know where')
  extensions[name] = new WeakMap()
  // Variables can make several plans of one document; what is kept of it is counted as one.
  Object.assign(extensions, { operationOperationPlansCacheMaxLength: PLANS_OF_ONE })
}
