/** The one table that turns failures into what a client may read; everything that is not in it is INTERNAL. */

/** What a row of the table is looked up by. */
export type ErrorSource = 'sqlstate' | 'constraint' | 'server'

export interface ErrorRow {
  source: ErrorSource
  /** A SQLSTATE, the first two characters of one (a class), a constraint's name, or the server's own code. */
  match: string
  /** `extensions.code` in GraphQL, `error.code` in REST. */
  code: string
  /** Shown when the failure carries no message that is safe to show. */
  message: string
  httpStatus: number
}

const sqlstate = (match: string, code: string, httpStatus: number, message: string): ErrorRow => ({
  source: 'sqlstate',
  match,
  code,
  httpStatus,
  message,
})
const constraint = (match: string, code: string, httpStatus: number, message: string): ErrorRow => ({
  source: 'constraint',
  match,
  code,
  httpStatus,
  message,
})
const server = (code: string, httpStatus: number, message: string): ErrorRow => ({
  source: 'server',
  match: code,
  code,
  httpStatus,
  message,
})

/** Generated into generated/errors.md. Order is the order of reading; a lookup goes constraint, SQLSTATE, class. */
export const errorTable: readonly ErrorRow[] = [
  // Raised by our own functions. Their message is written for the client, and `detail` may name a finer code.
  sqlstate('FH400', 'BAD_USER_INPUT', 400, 'The input is not valid.'),
  sqlstate('FH401', 'UNAUTHENTICATED', 401, 'Sign in first.'),
  sqlstate('FH402', 'PAYMENT_REQUIRED', 402, 'The plan does not include this.'),
  sqlstate('FH403', 'FORBIDDEN', 403, 'You may not do this.'),
  sqlstate('FH404', 'NOT_FOUND', 404, 'There is no such thing, or you may not see it.'),
  sqlstate('FH409', 'CONFLICT', 409, 'This conflicts with what is already there.'),
  sqlstate('FH410', 'GONE', 410, 'This has expired.'),
  sqlstate('FH413', 'PAYLOAD_TOO_LARGE', 413, 'The input is too large.'),
  sqlstate('FH422', 'INVALID_STATE', 422, "This can't be done in the present state."),
  sqlstate('FH429', 'RATE_LIMITED', 429, 'Too many requests; try again later.'),

  // Raised by PostgreSQL. The message is ours: theirs name tables, partitions and constraints.
  sqlstate('42501', 'FORBIDDEN', 403, 'You may not do this.'),
  sqlstate('23502', 'BAD_USER_INPUT', 400, 'A required value is missing.'),
  sqlstate('23503', 'FAILED_REFERENCE', 409, 'A referenced row does not exist, or is still in use.'),
  sqlstate('23505', 'CONFLICT', 409, 'That value is already taken.'),
  sqlstate('23514', 'BAD_USER_INPUT', 400, 'A value is out of range or has the wrong form.'),
  sqlstate('23P01', 'CONFLICT', 409, 'This overlaps with what is already there.'),
  sqlstate('22001', 'BAD_USER_INPUT', 400, 'A value is too long.'),
  sqlstate('22003', 'BAD_USER_INPUT', 400, 'A number is out of range.'),
  sqlstate('22007', 'BAD_USER_INPUT', 400, 'A date or time is malformed.'),
  sqlstate('22008', 'BAD_USER_INPUT', 400, 'A date or time is out of range.'),
  sqlstate('22021', 'BAD_USER_INPUT', 400, "A text has a character that can't be stored."),
  sqlstate('22P02', 'BAD_USER_INPUT', 400, 'A value is malformed.'),
  sqlstate('22P05', 'BAD_USER_INPUT', 400, "A text has a character that can't be stored."),
  sqlstate('54001', 'BAD_USER_INPUT', 400, 'The input is nested too deeply.'),
  sqlstate('40001', 'RETRY', 409, 'Someone else changed this at the same time; try again.'),
  sqlstate('40P01', 'RETRY', 409, 'Someone else changed this at the same time; try again.'),
  sqlstate('55P03', 'RETRY', 409, 'Someone else is changing this; try again.'),
  sqlstate('57014', 'TIMEOUT', 504, 'This took too long and was stopped.'),
  sqlstate('25P03', 'TIMEOUT', 504, 'This took too long and was stopped.'),
  sqlstate('53', 'OVERLOADED', 503, 'The server is busy; try again later.'),
  sqlstate('08', 'UNAVAILABLE', 503, "The database can't be reached; try again later."),
  sqlstate('57P', 'UNAVAILABLE', 503, 'The database is restarting; try again later.'),

  constraint('projects_slug_key', 'PROJECT_SLUG_TAKEN', 409, 'A project with this slug exists already.'),
  constraint('tenants_slug_key', 'TENANT_SLUG_TAKEN', 409, 'This slug is taken.'),
  constraint('users_email_key', 'EMAIL_TAKEN', 409, 'This address is taken.'),
  constraint('users_username_key', 'USERNAME_TAKEN', 409, 'This user name is taken.'),
  // Of domains: the value has a form, which is said.
  constraint('email_check', 'BAD_USER_INPUT', 400, 'An e-mail address is name@host.domain, at most 255 characters.'),
  constraint(
    'email_visible_check',
    'BAD_USER_INPUT',
    400,
    'An e-mail address has no blank and no invisible character.',
  ),
  constraint(
    'slug_check',
    'BAD_USER_INPUT',
    400,
    'A slug has 2 to 63 lower-case letters, digits and dashes, and does not begin with a dash.',
  ),
  constraint(
    'hostname_check',
    'BAD_USER_INPUT',
    400,
    'A host name is a fully qualified one in lower case, such as app.example.com.',
  ),
  constraint(
    'username_check',
    'BAD_USER_INPUT',
    400,
    'A user name has 2 to 50 lower-case letters, digits, dots, dashes and underscores, and begins with a letter or digit.',
  ),

  // The server's own.
  server('BAD_REQUEST', 400, 'The request is not valid.'),
  server('INVALID_JSON', 400, 'The body is not valid JSON.'),
  server('UNAUTHENTICATED', 401, 'Sign in first.'),
  server('FORBIDDEN', 403, 'You may not do this.'),
  server('NOT_FOUND', 404, 'There is no such thing, or you may not see it.'),
  server('METHOD_NOT_ALLOWED', 405, 'This address does not take that method.'),
  server('NOT_ACCEPTABLE', 406, 'Accept application/json; subscriptions are served over a websocket.'),
  server('REQUEST_TIMEOUT', 408, 'The body did not come in time.'),
  server('PAYLOAD_TOO_LARGE', 413, 'The body is too large.'),
  server('UNSUPPORTED_MEDIA_TYPE', 415, 'The body must be application/json.'),
  server('AUDIT_EVENTS_NOT_VALID', 422, 'Some events are not valid.'),
  server('GRAPHQL_PARSE_FAILED', 400, 'The document is not valid GraphQL.'),
  server('GRAPHQL_VALIDATION_FAILED', 400, 'The document does not fit the schema.'),
  server('BAD_USER_INPUT', 400, 'The input is not valid.'),
  server('QUERY_TOO_LARGE', 400, 'The document has too many selections.'),
  server('QUERY_TOO_DEEP', 400, 'The document is nested too deeply.'),
  server('QUERY_TOO_EXPENSIVE', 400, 'The document may ask for too many rows.'),
  server('INPUT_TOO_LARGE', 400, 'The variables hold too much.'),
  server('ANSWER_TOO_LARGE', 422, 'The answer is too large; ask for less.'),
  server('RATE_LIMITED', 429, 'Too many requests; try again later.'),
  server('SUBSCRIPTION_NEEDS_SOCKET', 400, 'Subscriptions are served over a websocket at /graphql.'),
  server('INTROSPECTION_DISABLED', 400, 'Introspection is switched off.'),
  server('PERSISTED_QUERY_NOT_SUPPORTED', 400, 'Hashes of documents are not kept; send the document.'),
  server('DOCUMENT_NOT_PERSISTED', 400, 'Only registered documents are accepted.'),
  server('SUBSCRIPTION_INTERRUPTED', 503, 'Live updates were interrupted; subscribe again and read what was missed.'),
  server('SUBSCRIPTION_TOO_SLOW', 503, 'Updates came faster than they were read; subscribe again.'),
  server('TOO_MANY_SOCKETS', 429, 'You hold too many connections.'),
  server('TOO_MANY_SUBSCRIPTIONS', 429, 'You hold too many subscriptions.'),
  server('TOO_MUCH_IN_FLIGHT', 429, 'Too much is being sent to this address at once; try again later.'),
  server('OVERLOADED', 503, 'The server is busy; try again later.'),
  server('UNAVAILABLE', 503, "The database can't be reached; try again later."),
  server('INTERNAL', 500, 'Something went wrong on our side.'),
]

const bySource = (source: ErrorSource) =>
  new Map(errorTable.filter((row) => row.source === source).map((row) => [row.match, row]))
const sqlstates = bySource('sqlstate')
const constraints = bySource('constraint')
const servers = bySource('server')

export type ServerErrorCode =
  | 'BAD_REQUEST'
  | 'INVALID_JSON'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  | 'REQUEST_TIMEOUT'
  | 'PAYLOAD_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'AUDIT_EVENTS_NOT_VALID'
  | 'GRAPHQL_PARSE_FAILED'
  | 'GRAPHQL_VALIDATION_FAILED'
  | 'BAD_USER_INPUT'
  | 'QUERY_TOO_LARGE'
  | 'QUERY_TOO_DEEP'
  | 'QUERY_TOO_EXPENSIVE'
  | 'INPUT_TOO_LARGE'
  | 'ANSWER_TOO_LARGE'
  | 'RATE_LIMITED'
  | 'SUBSCRIPTION_NEEDS_SOCKET'
  | 'INTROSPECTION_DISABLED'
  | 'PERSISTED_QUERY_NOT_SUPPORTED'
  | 'DOCUMENT_NOT_PERSISTED'
  | 'TOO_MANY_SOCKETS'
  | 'TOO_MANY_SUBSCRIPTIONS'
  | 'SUBSCRIPTION_INTERRUPTED'
  | 'SUBSCRIPTION_TOO_SLOW'
  | 'TOO_MUCH_IN_FLIGHT'
  | 'OVERLOADED'
  | 'UNAVAILABLE'
  | 'INTERNAL'

/** What a client is told. `detail` holds only what one of our own functions put there on purpose. */
export interface PublicError {
  code: string
  message: string
  httpStatus: number
  detail?: Record<string, unknown>
  hint?: string
}

/** An error of the server itself, from the `server` rows of the table. */
export class ServerError extends Error implements PublicError {
  readonly code: ServerErrorCode
  readonly httpStatus: number
  readonly detail?: Record<string, unknown>

  constructor(code: ServerErrorCode, message?: string, detail?: Record<string, unknown>) {
    const row = servers.get(code)
    super(message ?? row?.message ?? code)
    this.name = 'ServerError'
    this.code = code
    this.httpStatus = row?.httpStatus ?? 500
    if (detail !== undefined) this.detail = detail
  }
}

/** The fields of a PostgreSQL error that are read here (protocol "Error and Notice Message Fields"). */
interface DatabaseErrorLike {
  code: string
  severity: string
  message: string
  detail?: string
  hint?: string
  constraint?: string
  schema?: string
  table?: string
  column?: string
}

/** True for an error that PostgreSQL itself reported, false for one of the connection or the program. */
export function isDatabaseError(error: unknown): error is DatabaseErrorLike {
  return (
    error instanceof Error &&
    'severity' in error &&
    typeof error.severity === 'string' &&
    'code' in error &&
    typeof error.code === 'string'
  )
}

/** The JSON object that one of our functions put into `detail`; anything else counts as absent. */
function detailOf(error: DatabaseErrorLike): Record<string, unknown> {
  if (!error.detail) return {}
  try {
    const parsed: unknown = JSON.parse(error.detail)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : {}
  } catch {
    return {}
  }
}

/** Errors of pg and the network that mean "no connection", by message or code, since they have no class of their own. */
const UNREACHABLE = /^(Connection terminated|Client has encountered a connection error|Client was closed)/
const NETWORK_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'ETIMEDOUT', 'EHOSTUNREACH'])

/**
 * The error that a refusal of a function stands for: `{sqlstate: 'FH401', code, message, …}`, the rest being its detail.
 */
export function refusalError(refusal: unknown): Error {
  const {
    sqlstate: state,
    message,
    ...detail
  } = refusal as { sqlstate: string; message: string } & Record<string, unknown>
  return Object.assign(new Error(message), { severity: 'ERROR', code: state, detail: JSON.stringify(detail) })
}

/**
 * What a client may know of a failure, or null when it is none of its business (then log it and say INTERNAL).
 * Accepts anything that was thrown; follows `originalError` and `cause`.
 */
export function mapDatabaseError(error: unknown): PublicError | null {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 8; depth++) {
    if (e instanceof ServerError) {
      return { code: e.code, message: e.message, httpStatus: e.httpStatus, ...(e.detail && { detail: e.detail }) }
    }
    if (isDatabaseError(e)) return fromSqlState(e)
    if (e.message.startsWith('timeout exceeded when trying to connect')) return fromServerRow('OVERLOADED')
    if (UNREACHABLE.test(e.message) || ('code' in e && NETWORK_CODES.has(String(e.code)))) {
      return fromServerRow('UNAVAILABLE')
    }
    e = ('originalError' in e && e.originalError) || e.cause
  }
  return null
}

function fromServerRow(code: ServerErrorCode): PublicError {
  const { message, httpStatus } = servers.get(code)!
  return { code, message, httpStatus }
}

/** What a check of one column asks for, by its name: <table>_<column>_plain_<rule>_check or _finite_check. */
const FIELD_RULES: Readonly<Record<string, string>> = {
  plain_name:
    'has to be one line in which something can be seen, without control or invisible characters or such as turn the direction of text',
  plain_line: 'has to be one line without control or invisible characters or such as turn the direction of text',
  plain_text: 'has to be free of control and invisible characters and of such as turn the direction of text',
  plain_url: 'has to be an http or https URL without blanks and quotes',
  finite: 'has to be a time, not infinity',
}

/** Checks of several columns, whose names end with none of them. */
export const CHECKS_OF_SEVERAL: ReadonlySet<string> = new Set([
  'api_keys_environment_check',
  'deployments_lease_check',
  'deployments_subject_check',
  'operator_grants_entered_check',
  'projects_counters_check',
  'tenant_members_joined_check',
  'tenant_members_someone_check',
])

/** Such a check names the field, as the API spells it, and the rule: {field} in the detail. */
function fromFieldCheck({ constraint = '', table = '', schema }: DatabaseErrorLike): PublicError | undefined {
  const parent = table.replace(/_p\d{6}$/, '')
  const name = constraint.startsWith(`${parent}_`) ? constraint.slice(parent.length + 1) : ''
  const [, column, rule = ''] = /^(\w+)_(finite|plain_(?:name|line|text|url))_check$/.exec(name) ?? []
  if (column !== undefined && FIELD_RULES[rule] !== undefined) return ofField(column, FIELD_RULES[rule])
  const [, other] = (schema === 'app_public' && !CHECKS_OF_SEVERAL.has(constraint) && /^(\w+)_check$/.exec(name)) || []
  return other === undefined ? undefined : ofField(other, 'is out of range or has the wrong form')
}

function ofField(column: string, asks: string): PublicError {
  // As the API spells it.
  const field = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return { code: 'BAD_USER_INPUT', message: `${field} ${asks}.`, httpStatus: 400, detail: { field } }
}

function fromSqlState(error: DatabaseErrorLike): PublicError | null {
  const byConstraint = error.constraint === undefined ? undefined : constraints.get(error.constraint)
  const row =
    byConstraint ??
    sqlstates.get(error.code) ??
    sqlstates.get(error.code.slice(0, 3)) ??
    sqlstates.get(error.code.slice(0, 2))
  // A check has a name. Without one it is a row for which no partition was made, which is the operator's to mend.
  if (!row || (error.code === '23514' && error.constraint === undefined)) return null
  if (error.code === '23514' && !byConstraint) {
    const shown = fromFieldCheck(error)
    if (shown) return shown
  }
  if (error.code === '23502' && error.schema === 'app_public' && error.column !== undefined)
    return ofField(error.column, 'is required')
  if (!error.code.startsWith('FH')) return { code: row.code, message: row.message, httpStatus: row.httpStatus }
  const { code, ...rest } = detailOf(error)
  return {
    code: typeof code === 'string' ? code : row.code,
    message: error.message || row.message,
    httpStatus: row.httpStatus,
    ...(Object.keys(rest).length > 0 && { detail: rest }),
    ...(error.hint && { hint: error.hint }),
  }
}
