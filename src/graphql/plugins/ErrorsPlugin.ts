import 'postgraphile'
import { randomUUID } from 'node:crypto'
import { GraphQLError, type GraphQLErrorOptions } from 'postgraphile/graphql'
import { isSafeError } from 'postgraphile/grafast'
import { mapDatabaseError } from '../../errors.ts'
import type { Logger } from '../../log.ts'

/**
 * Gives every error of a result a code from src/errors.ts. What is not in that table becomes INTERNAL with an `errorId`,
 * under which the log holds the whole of it.
 */
export function makeMaskError(log: Logger): (error: GraphQLError) => GraphQLError {
  return (error) => {
    try {
      return mask(error, log)
    } catch (failure) {
      // Whatever was thrown is stranger than the mask can read.
      return internal({}, { err: failure }, log)
    }
  }
}

/** Most characters of a message that a client gets; some repeat what the client sent. */
const LONGEST_MESSAGE = 2000

type Place = Pick<GraphQLErrorOptions, 'nodes' | 'source' | 'positions' | 'path'>

function mask(error: GraphQLError, log: Logger): GraphQLError {
  // Wrapped by what is no GraphQLError, or not by this module's: there is no place then.
  const place: Place =
    error instanceof GraphQLError
      ? { nodes: error.nodes, source: error.source, positions: error.positions, path: error.path }
      : {}
  const coded = (message: string, extensions: Record<string, unknown>) =>
    new GraphQLError(message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)} …` : message, {
      ...place,
      extensions,
    })
  const original = innermost(error)
  const path = place.path?.join('.')

  const known = mapDatabaseError(original)
  if (known) {
    log.debug({ err: original, path }, 'refused in a GraphQL operation')
    const { code, message, detail, hint } = known
    return coded(message, { code, ...(detail && { detail }), ...(hint && { hint }) })
  }
  if (original instanceof GraphQLError) {
    const code: unknown = original.extensions?.code
    if (typeof code === 'string') return coded(original.message, { code })
    if (!original.message.startsWith('Cannot return null for non-nullable field'))
      return coded(original.message, { code: 'BAD_USER_INPUT' })
  } else if (original instanceof Error && isSafeError(original)) {
    const isTimeout = original.message.startsWith('Operation took too long to plan')
    return coded(original.message, { code: isTimeout ? 'QUERY_TOO_EXPENSIVE' : 'BAD_USER_INPUT' })
  } else if (original instanceof Error && isComplaintOfFilter(original)) {
    return coded(original.message, { code: 'BAD_USER_INPUT' })
  }
  return internal(place, { err: original, path }, log)
}

function internal(place: Place, about: Record<string, unknown>, log: Logger): GraphQLError {
  const errorId = randomUUID()
  try {
    log.error({ ...about, errorId }, 'internal error in a GraphQL operation')
  } catch {
    log.error({ errorId }, 'internal error in a GraphQL operation, and one that cannot be printed')
  }
  return new GraphQLError('Something went wrong on our side.', { ...place, extensions: { code: 'INTERNAL', errorId } })
}

/** What was thrown first: GraphQL wraps an error each time it passes a field. An error of GraphQL's own is its own. */
function innermost(error: unknown): unknown {
  let inner = error
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
