/** What one GraphQL request, one caller and one address may ask of the process. */
export interface Limits {
  /** Bytes of a document. */
  readonly maxDocumentBytes: number
  /** Deepest nesting of fields, counting the root fields as 1. */
  readonly maxDepth: number
  /** Highest price of a document: each field costs 1 for every row it may be read for. */
  readonly maxCost: number
  /** Most selections in a document, fragments counted where they are spread. */
  readonly maxSelections: number
  /** Most root fields of an operation, aliases and fragments counted. */
  readonly maxRootFields: number
  /** Most work of planning an operation, in the units of src/graphql/limits/prices.ts. */
  readonly maxPlanning: number
  /** Deepest nesting of lists and objects in variables and literals. */
  readonly maxInputDepth: number
  /** Most values in variables and literals, those inside JSON counted. */
  readonly maxInputValues: number
  /** Most objects of filters and entries of `orderBy` in an operation, counted where they are used. */
  readonly maxConditions: number
  /** Rows of a connection that names no page size. */
  readonly defaultPage: number
  /** Most rows of one connection; larger wishes are cut to this. */
  readonly maxPage: number
  /** Characters of an answer or of one event of a subscription, about. */
  readonly maxAnswerSize: number
  /** Longest time of planning one document, in milliseconds. */
  readonly planningTimeoutMs: number
  /** Units of planning that one caller may use up a minute on documents that the process has not planned before; a tenth of it at once. */
  readonly planningPerMinute: number
  /** Open sockets of one caller, and of one address (IPv6: a /64). */
  readonly maxSockets: number
  /** Running operations on the sockets of one caller, and of one address. */
  readonly maxSubscriptions: number
}

/** What holds unless the environment says otherwise. */
export const DEFAULT_LIMITS: Limits = {
  maxDocumentBytes: 65_536,
  maxDepth: 12,
  maxCost: 20_000,
  maxSelections: 1000,
  maxRootFields: 25,
  maxPlanning: 100,
  maxInputDepth: 32,
  maxInputValues: 10_000,
  maxConditions: 100,
  defaultPage: 50,
  maxPage: 100,
  maxAnswerSize: 4_194_304,
  planningTimeoutMs: 1000,
  planningPerMinute: 6000,
  maxSockets: 100,
  maxSubscriptions: 500,
}
