import 'postgraphile'
import { randomUUID } from 'node:crypto'
import { GraphQLError } from 'postgraphile/graphql'
import { isSafeError } from 'postgraphile/grafast'
import { mapDatabaseError } from '../../errors.ts'
import type { Logger } from '../../log.ts'

/**
 * Gives every error of a result a code from src/errors.ts. What is not in that table becomes INTERNAL with an `errorId`,
 * under which the log holds the whole of it.
 */
export function makeMaskError(log: Logger): (error: GraphQLError) => GraphQLError {
  return (error) => {
    const place = { nodes: error.nodes, source: error.source, positions: error.positions, path: error.path }
    const coded = (message: string, extensions: Record<string, unknown>) =>
      new GraphQLError(message, { ...place, extensions })
    const original = innermost(error)

    const known = mapDatabaseError(original)
    if (known) {
      log.debug({ err: original, path: error.path?.join('.') }, 'refused in a GraphQL operation')
      const { code, message, detail, hint } = known
      return coded(message, { code, ...(detail && { detail }), ...(hint && { hint }) })
    }
    if (original === undefined || original instanceof GraphQLError) {
      const said = original ?? error
      if (said.extensions.code !== undefined) return coded(said.message, { code: said.extensions.code })
      if (!said.message.startsWith('Cannot return null for non-nullable field'))
        return coded(said.message, { code: 'BAD_USER_INPUT' })
    } else if (isSafeError(original) || isComplaintOfFilter(original)) {
      return coded(original.message, { code: 'BAD_USER_INPUT' })
    }
    const errorId = randomUUID()
    log.error({ err: original ?? error, errorId, path: error.path?.join('.') }, 'internal error in a GraphQL operation')
    return coded('Something went wrong on our side.', { code: 'INTERNAL', errorId })
  }
}

/** What was thrown first: GraphQL wraps an error each time it passes a field. Undefined for an error of GraphQL's own. */
function innermost(error: GraphQLError): Error | undefined {
  let inner = error.originalError ?? undefined
  while (inner instanceof GraphQLError && inner.originalError) inner = inner.originalError
  return inner
}

/** postgraphile-plugin-connection-filter refuses input with plain errors; these are their texts. */
const isComplaintOfFilter = (error: Error): boolean =>
  /^(Null literals are forbidden|Empty objects are forbidden)/.test(error.message)

/** Puts the mask where grafserv and the websocket look for it. */
export function makeErrorsPreset(log: Logger): GraphileConfig.Preset {
  return { grafserv: { maskError: makeMaskError(log) } }
}
