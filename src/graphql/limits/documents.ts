import {
  GraphQLError,
  NoFragmentCyclesRule,
  parse,
  Source,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
} from 'postgraphile/graphql'
import type { Limits } from '../../limits.ts'
import { ServerError, type ServerErrorCode } from '../../errors.ts'
import { measureDocument, type DocumentMeasure } from './measureDocument.ts'
import { MEMORY, READING, SHAPE } from './prices.ts'
import { asGraphQLError } from './refusal.ts'

/** Bytes of documents and their plans that are kept for everybody, and those that one caller brought and nobody else has used. */
const KEPT = 192 * 1024 * 1024
const KEPT_OF_ONE = KEPT / 8

/** A document as far as it was read: refused, or measured and then perhaps found not to fit the schema. */
export interface ReadDocument {
  readonly document?: DocumentNode
  readonly measure?: DocumentMeasure
  readonly errors?: readonly GraphQLError[]
}

interface Entry extends ReadDocument {
  /** Who brought it; undefined from the moment that another one used it. */
  owner: string | undefined
  readonly size: number
  validated?: readonly GraphQLError[]
}

export interface Documents {
  /** Whether reading this text is no work, because it was read before. */
  isRead(text: string): boolean
  /** Parses and measures, or remembers. */
  read(text: string, caller: string): ReadDocument
  /** The errors of validation; none for a document that fits the schema. */
  validate(text: string, caller: string): readonly GraphQLError[]
  /** Units of planning that reading the text is worth. */
  priceOf(text: string): number
}

/**
 * Reads documents: bytes, tokens, shape and price before the rules of the specification, because some of these take time quadratic
 * in the size of the document. What was read is kept, the least recently used making room; a caller who brings many documents of
 * their own makes room among these.
 */
export function makeDocuments(
  schema: GraphQLSchema,
  { limits, hideSuggestions }: { limits: Limits; hideSuggestions: boolean },
): Documents {
  const entries = new Map<string, Entry>()
  const sizes = new Map<string | undefined, number>()
  let total = 0

  function account(owner: string | undefined, size: number): void {
    const sum = (sizes.get(owner) ?? 0) + size
    if (sum === 0) sizes.delete(owner)
    else sizes.set(owner, sum)
    total += size
  }
  function drop(text: string, { owner, size }: Entry): void {
    entries.delete(text)
    account(owner, -size)
  }
  function keep(text: string, entry: Entry): void {
    entries.set(text, entry)
    account(entry.owner, entry.size)
    for (const [other, each] of entries) {
      const isOver = (sizes.get(entry.owner) ?? 0) > KEPT_OF_ONE
      if (!isOver && total <= KEPT) break
      if (each !== entry && (total > KEPT || each.owner === entry.owner)) drop(other, each)
    }
  }

  const isTooLong = (text: string) => text.length > limits.maxDocumentBytes

  function find(text: string, caller: string): Entry {
    if (isTooLong(text)) return { ...readDocument(text, schema, limits), owner: caller, size: 0 }
    const known = entries.get(text)
    if (!known) {
      const read = readDocument(text, schema, limits)
      const entry = { ...read, owner: caller, size: sizeOf(text, read) }
      keep(text, entry)
      return entry
    }
    if (known.owner !== undefined && known.owner !== caller) {
      account(known.owner, -known.size)
      known.owner = undefined
      account(undefined, known.size)
    }
    entries.delete(text)
    entries.set(text, known)
    return known
  }

  return {
    isRead: (text) => isTooLong(text) || entries.has(text),
    read: find,
    validate(text, caller) {
      const entry = find(text, caller)
      return entry.errors ?? (entry.validated ??= validateDocument(schema, entry.document!, hideSuggestions))
    },
    priceOf: (text) => READING.perDocument + (READING.perKiB * Math.min(text.length, limits.maxDocumentBytes)) / 1024,
  }
}

/** About how many bytes a document takes while it is kept, with the plans that live as long as it does. */
function sizeOf(text: string, { measure }: ReadDocument): number {
  const planning = measure?.operations.reduce((sum, operation) => sum + operation.planning, 0)
  return planning === undefined
    ? MEMORY.perEntry + text.length
    : MEMORY.perEntry + text.length * MEMORY.perCharacter + MEMORY.perPlan + planning * MEMORY.perPlanning
}

function readDocument(text: string, schema: GraphQLSchema, limits: Limits): ReadDocument {
  const { maxDocumentBytes } = limits
  if (text.length > maxDocumentBytes || Buffer.byteLength(text) > maxDocumentBytes)
    return refused('QUERY_TOO_LARGE', `The document is longer than ${maxDocumentBytes} bytes.`)
  try {
    const document = parse(new Source(text, 'GraphQL request'), { maxTokens: SHAPE.maxTokens })
    return { document, measure: measureDocument(document, schema, limits) }
  } catch (error) {
    if (error instanceof ServerError) return { errors: [asGraphQLError(error)] }
    if (error instanceof GraphQLError) {
      const isLong = error.message.includes('Document contains more that')
      return { errors: [coded(error, isLong ? 'QUERY_TOO_LARGE' : 'GRAPHQL_PARSE_FAILED')] }
    }
    // The parser is out of stack. By name, since there may be several RangeErrors about.
    if (error instanceof Error && error.name === 'RangeError')
      return refused('QUERY_TOO_DEEP', 'The document is nested too deeply.')
    throw error
  }
}

const refused = (code: ServerErrorCode, message: string): ReadDocument => ({
  errors: [asGraphQLError(new ServerError(code, message))],
})

function validateDocument(
  schema: GraphQLSchema,
  document: DocumentNode,
  hideSuggestions: boolean,
): readonly GraphQLError[] {
  const options = { maxErrors: SHAPE.maxErrors, hideSuggestions }
  // Other rules follow fragments too, and some of them every time anew.
  const circles = validate(schema, document, [NoFragmentCyclesRule], options)
  const errors = circles.length > 0 ? circles : validate(schema, document, specifiedRules, options)
  return errors.map((error) => coded(error, 'GRAPHQL_VALIDATION_FAILED'))
}

const coded = (error: GraphQLError, code: ServerErrorCode): GraphQLError =>
  new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions: { code },
  })
