/**
 * What planning a field costs, in units of about 0.15 ms in a process that is warm. Measured on connections, rows by key, `node`
 * and `__schema`; a field of an interface is planned once for each type that implements it.
 */
export const PLANNING = {
  /** A field without selections. */
  leaf: 0.05,
  /** A row or an object. */
  row: 1,
  /** A connection or a list that takes a page size. */
  page: 4,
  /** A mutation, whatever it returns. */
  mutation: 4,
  /** The one introspection of a document. */
  introspection: 60,
} as const

/** What reading a document costs, in the same units: parsing and validating it. */
export const READING = { perDocument: 1, perKiB: 1 } as const

/**
 * What a document takes in memory, in bytes: measured as the growth of the heap by hundreds of documents. A plan is many times larger
 * than the text it is for.
 */
export const MEMORY = {
  perEntry: 500,
  /** Of a document that could be read: nodes and tokens. */
  perCharacter: 50,
  perPlan: 56_000,
  /** For each unit of planning. */
  perPlanning: 16_000,
} as const

/** Bounds that no honest client meets, and that keep the rules of validation from taking quadratic time. */
export const SHAPE = {
  maxTokens: 15_000,
  maxOperations: 20,
  maxFragments: 150,
  maxVariables: 100,
  maxDirectives: 300,
  /** Pairs of fields of one name that have to be merged. */
  maxMerges: 3000,
  /** Selections of an introspection; the standard ones have less than 400. */
  maxIntrospectionSelections: 500,
  /** Errors of validation that are told. */
  maxErrors: 5,
  /** Characters of an operation's name. */
  maxNameLength: 200,
} as const

/** What nobody's operations may be, as a share of what others' may. */
export const ANONYMOUS_SHARE = 0.25
