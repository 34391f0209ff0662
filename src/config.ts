import { randomBytes } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { errorCode } from './errorCode.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'

// Asked for by Grafast, graphql and Express when they are loaded; without it they check more and print notices.
process.env.GRAPHILE_ENV ??= 'production'
process.env.NODE_ENV ??= 'production'

/** What one process does: both halves, the API alone, or the worker alone. */
export type Mode = 'all' | 'api' | 'worker'

/** Master keys of the secret store: id to base64 of 32 bytes. New values are encrypted with `current`, old ones decrypted with theirs. */
export interface Keyring {
  readonly current: string
  readonly keys: Readonly<Record<string, string>>
}

/** Everything a process is told from outside. Sizes are bytes, times milliseconds; undefined means not given. */
export interface Config {
  readonly mode: Mode
  readonly host: string
  readonly port: number
  /** Absolute. Holds the embedded PostgreSQL, the generated secret keys and archives. */
  readonly dataDir: string
  /** Undefined: the embedded PostgreSQL. Otherwise a superuser, or freehold_owner together with the role URLs. */
  readonly databaseUrl: string | undefined
  readonly ownerUrl: string | undefined
  readonly authenticatorUrl: string | undefined
  readonly workerUrl: string | undefined
  readonly secretKeys: Keyring
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** Origins that browsers may call from; false sends no CORS headers. */
  readonly cors: string[] | false
  readonly introspection: boolean
  readonly graphiql: boolean
  /** Directory of <hash>.graphql: when given, nothing but these documents is run. */
  readonly persistedDocuments: string | undefined
  /** Proxies in front of us whose X-Forwarded-For is believed; 0 believes none. */
  readonly trustedProxies: number
  /** Where users reach the API, without a trailing slash; used in mails and webhooks. */
  readonly publicUrl: string
  /** Absolute. Where the worker appends every seal of the audit ledger, one JSON object a line. */
  readonly auditSealsFile: string
  /** Session token of who runs `npm run operator`; undefined to be asked for password and code. */
  readonly operatorToken: string | undefined
  readonly smtpUrl: string | undefined
  readonly mailFrom: string
  readonly webhookMaxBytes: number
  readonly bodyMaxBytes: number
  readonly statementTimeoutMs: number
  readonly idleInTransactionTimeoutMs: number
  /** Connections of each pool. */
  readonly poolSize: number
  /** Connections of the API, beside its pool, for what hashes a password; as many processors it may take. */
  readonly hashingConnections: number
  readonly limits: Limits
}

/** The operator's mistakes, one line each with its fix. The message lists them all; no stack is worth showing. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[], options?: ErrorOptions) {
    super(mistakes.length === 1 ? mistakes[0] : mistakes.map((mistake) => `- ${mistake}`).join('\n'), options)
    this.mistakes = mistakes
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '::1', ''])

const integer = (name: string, min: number, max: number, fallback: number) =>
  z
    .string()
    .default(String(fallback))
    .refine((text) => /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: (issue) => `${name} is "${String(issue.input)}": give a whole number from ${min} to ${max}.`,
    })
    .transform(Number)

const flag = (name: string, fallback: boolean) =>
  z
    .string()
    .default(String(fallback))
    .refine((text) => ['true', 'false', '1', '0'].includes(text), {
      error: (issue) => `${name} is "${String(issue.input)}": give true or false.`,
    })
    .transform((text) => text === 'true' || text === '1')

/** Schemes are listed with their colon. The value stays out of the message: it may carry a password. */
const url = (name: string, schemes: readonly string[], example: string) =>
  z.string().refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol), {
    error: `${name} is not a valid URL: write it like ${example}.`,
  })

const postgresUrl = (name: string) =>
  url(name, ['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/freehold')
    .refine((text) => !URL.canParse(text) || new URL(text).pathname.length > 1, {
      error: `${name} names no database: end it with /freehold, for example.`,
    })
    .optional()

/** Names of the variables that set the limits, each with the least and the most it may say. */
const LIMITS = {
  maxDocumentBytes: ['MAX_DOCUMENT_BYTES', 1024, 1_048_576],
  maxDepth: ['MAX_DEPTH', 1, 100],
  maxCost: ['MAX_COST', 1, 10_000_000],
  maxSelections: ['MAX_SELECTIONS', 1, 100_000],
  maxRootFields: ['MAX_ROOT_FIELDS', 1, 1000],
  maxPlanning: ['MAX_PLANNING', 1, 10_000],
  maxInputDepth: ['MAX_INPUT_DEPTH', 1, 200],
  maxInputValues: ['MAX_INPUT_VALUES', 1, 1_000_000],
  maxConditions: ['MAX_CONDITIONS', 1, 10_000],
  defaultPage: ['DEFAULT_PAGE', 1, 10_000],
  maxPage: ['MAX_PAGE', 1, 10_000],
  maxAnswerSize: ['MAX_ANSWER_SIZE', 1024, 268_435_456],
  planningTimeoutMs: ['PLANNING_TIMEOUT_MS', 10, 60_000],
  planningPerMinute: ['PLANNING_PER_MINUTE', 1, 1_000_000],
  maxSockets: ['MAX_SOCKETS', 1, 100_000],
  maxSubscriptions: ['MAX_SUBSCRIPTIONS', 1, 1_000_000],
} as const satisfies Record<keyof Limits, readonly [name: string, min: number, max: number]>

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const Environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integer('PORT', 0, 65535, 5678),
  DATA_DIR: z.string().default('.freehold'),
  DATABASE_URL: postgresUrl('DATABASE_URL'),
  DATABASE_OWNER_URL: postgresUrl('DATABASE_OWNER_URL'),
  DATABASE_AUTHENTICATOR_URL: postgresUrl('DATABASE_AUTHENTICATOR_URL'),
  DATABASE_WORKER_URL: postgresUrl('DATABASE_WORKER_URL'),
  SECRET_KEYS: z.string().optional(),
  LOG_LEVEL: z
    .enum(LEVELS, { error: (issue) => `LOG_LEVEL is "${String(issue.input)}": give one of ${LEVELS.join(', ')}.` })
    .default('info'),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter(Boolean),
    )
    .refine(
      (origins) =>
        origins.every((origin) => origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)),
      {
        error:
          'CORS_ORIGINS holds something that is not an origin: write https://app.example.com,https://other.example.com without paths, or *.',
      },
    ),
  INTROSPECTION: flag('INTROSPECTION', true),
  GRAPHIQL: flag('GRAPHIQL', true),
  PERSISTED_DOCUMENTS: z.string().optional(),
  TRUSTED_PROXIES: integer('TRUSTED_PROXIES', 0, 10, 0),
  PUBLIC_URL: url('PUBLIC_URL', ['http:', 'https:'], 'https://api.example.com').optional(),
  AUDIT_SEALS_FILE: z.string().optional(),
  OPERATOR_TOKEN: z.string().optional(),
  SMTP_URL: url('SMTP_URL', ['smtp:', 'smtps:'], 'smtps://user:password@mail.example.com:465').optional(),
  MAIL_FROM: z
    .string()
    .default('Freehold <freehold@localhost>')
    .refine((text) => /^[^<>@\r\n]*<[^<>@\s]+@[^<>@\s]+>$|^[^<>@\s]+@[^<>@\s]+$/.test(text), {
      error: 'MAIL_FROM is not a sender: write it like Freehold <no-reply@example.com>.',
    }),
  WEBHOOK_MAX_BYTES: integer('WEBHOOK_MAX_BYTES', 1024, 268_435_456, 26_214_400),
  BODY_MAX_BYTES: integer('BODY_MAX_BYTES', 1024, 268_435_456, 1_048_576),
  STATEMENT_TIMEOUT_MS: integer('STATEMENT_TIMEOUT_MS', 100, 3_600_000, 30_000),
  IDLE_IN_TRANSACTION_TIMEOUT_MS: integer('IDLE_IN_TRANSACTION_TIMEOUT_MS', 100, 3_600_000, 30_000),
  POOL_SIZE: integer('POOL_SIZE', 1, 1000, 10),
  HASHING_CONNECTIONS: integer('HASHING_CONNECTIONS', 1, 64, Math.max(1, Math.min(4, availableParallelism() >> 1))),
  ...limitVariables(),
})

type LimitVariable = (typeof LIMITS)[keyof Limits][0]

function limitVariables() {
  const entries = (Object.keys(LIMITS) as (keyof Limits)[]).map((limit) => {
    const [name, min, max] = LIMITS[limit]
    return [name, integer(name, min, max, DEFAULT_LIMITS[limit])] as const
  })
  return Object.fromEntries(entries) as Record<LimitVariable, ReturnType<typeof integer>>
}

function limitsOf(values: Record<LimitVariable, number>): Limits {
  const entries = (Object.keys(LIMITS) as (keyof Limits)[]).map((limit) => [limit, values[LIMITS[limit][0]]])
  return Object.fromEntries(entries) as unknown as Limits
}

/**
 * Reads the environment; an empty variable counts as absent.
 * Without SECRET_KEYS the keys come from the data directory, made there (mode 0600) on first use.
 * @param argv words after the script's name; the first may be `api` or `worker`.
 * @throws ConfigurationError listing every mistake.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, argv: readonly string[] = []): Config {
  const mistakes: string[] = []
  const mode = argv[0] ?? 'all'
  if (!isMode(mode)) mistakes.push(`Mode "${mode}" is unknown: start with api, worker, or nothing for both.`)

  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const parsed = Environment.safeParse(given)
  if (!parsed.success) mistakes.push(...parsed.error.issues.map((issue) => issue.message))

  const secretKeys = given.SECRET_KEYS === undefined ? undefined : parseKeys(given.SECRET_KEYS, mistakes)
  mistakes.push(...contradictions(given))
  const values = parsed.data
  if (values && values.DEFAULT_PAGE > values.MAX_PAGE) {
    mistakes.push(
      `DEFAULT_PAGE (${values.DEFAULT_PAGE}) is above MAX_PAGE (${values.MAX_PAGE}): lower it or raise MAX_PAGE.`,
    )
  }
  if (!values || !isMode(mode) || mistakes.length > 0) throw new ConfigurationError(mistakes)

  const dataDir = resolve(values.DATA_DIR)
  return {
    mode,
    host: values.HOST,
    port: values.PORT,
    dataDir,
    databaseUrl: values.DATABASE_URL ?? values.DATABASE_OWNER_URL,
    ownerUrl: values.DATABASE_OWNER_URL,
    authenticatorUrl: values.DATABASE_AUTHENTICATOR_URL,
    workerUrl: values.DATABASE_WORKER_URL,
    secretKeys: secretKeys ?? storedKeys(dataDir),
    logLevel: values.LOG_LEVEL,
    cors: values.CORS_ORIGINS.length > 0 ? values.CORS_ORIGINS : false,
    introspection: values.INTROSPECTION,
    graphiql: values.GRAPHIQL,
    persistedDocuments: values.PERSISTED_DOCUMENTS,
    trustedProxies: values.TRUSTED_PROXIES,
    publicUrl: (values.PUBLIC_URL ?? `http://${values.HOST}:${values.PORT}`).replace(/\/+$/, ''),
    auditSealsFile:
      values.AUDIT_SEALS_FILE === undefined ? join(dataDir, 'seals.jsonl') : resolve(values.AUDIT_SEALS_FILE),
    operatorToken: values.OPERATOR_TOKEN,
    smtpUrl: values.SMTP_URL,
    mailFrom: values.MAIL_FROM,
    webhookMaxBytes: values.WEBHOOK_MAX_BYTES,
    bodyMaxBytes: values.BODY_MAX_BYTES,
    statementTimeoutMs: values.STATEMENT_TIMEOUT_MS,
    idleInTransactionTimeoutMs: values.IDLE_IN_TRANSACTION_TIMEOUT_MS,
    poolSize: values.POOL_SIZE,
    hashingConnections: values.HASHING_CONNECTIONS,
    limits: limitsOf(values),
  }
}

/** Says in one line why an address cannot be listened on; undefined when the error is something else. */
export function explainListenError(error: unknown, host: string, port: number): ConfigurationError | undefined {
  const reason: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use: stop the other program or set PORT.`,
    EACCES: `Port ${port} may not be opened by this user: set PORT to 1024 or higher.`,
    EADDRNOTAVAIL: `HOST ${host} is not an address of this machine: use 127.0.0.1, 0.0.0.0 or ::.`,
    ENOTFOUND: `HOST ${host} has no address: use 127.0.0.1, 0.0.0.0 or ::.`,
  }
  const line = reason[errorCode(error) ?? '']
  return line === undefined ? undefined : new ConfigurationError([line], { cause: error })
}

/**
 * Makes the data directory, closed to others. As root it stays passable (0711), since the embedded server runs as another user.
 * @throws ConfigurationError when it cannot be made or written.
 */
export function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true })
    chmodSync(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700)
  } catch (cause) {
    throw new ConfigurationError(
      [`DATA_DIR ${dataDir} cannot be written (${errorCode(cause)}): set DATA_DIR to a directory of this user.`],
      { cause },
    )
  }
}

function isMode(text: string): text is Mode {
  return text === 'all' || text === 'api' || text === 'worker'
}

/** Mistakes that only show between variables. */
function contradictions(given: Record<string, string | undefined>): string[] {
  const base = given.DATABASE_URL ?? given.DATABASE_OWNER_URL
  const mistakes: string[] = []
  for (const name of ['DATABASE_AUTHENTICATOR_URL', 'DATABASE_WORKER_URL']) {
    if (given[name] !== undefined && base === undefined) {
      mistakes.push(
        `${name} is set without DATABASE_URL: set DATABASE_URL too, or remove it to use the embedded PostgreSQL.`,
      )
    }
  }
  if (
    given.SECRET_KEYS === undefined &&
    base !== undefined &&
    URL.canParse(base) &&
    !LOOPBACK.has(new URL(base).hostname)
  ) {
    const example = `k1:${randomBytes(32).toString('base64')}`
    mistakes.push(
      `SECRET_KEYS is missing: a database on another host needs a key that outlives this machine. Keep one safe and set it, for example SECRET_KEYS=${example}`,
    )
  }
  return mistakes
}

/** Reads `k1:base64,k2:base64`; the first is current. Undefined after adding to `mistakes`; key material is never quoted. */
function parseKeys(text: string, mistakes: string[]): Keyring | undefined {
  const keys: Record<string, string> = {}
  let current: string | undefined
  const before = mistakes.length
  for (const [index, part] of text.trim().split(',').entries()) {
    const [, id, value] = /^\s*([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]+={0,2})\s*$/.exec(part) ?? []
    if (id === undefined || value === undefined || Buffer.from(value, 'base64').length !== 32) {
      mistakes.push(
        `SECRET_KEYS, entry ${index + 1}, is not id:base64 of 32 bytes: make one with \`openssl rand -base64 32\`.`,
      )
    } else if (id in keys) {
      mistakes.push(`SECRET_KEYS names key "${id}" twice: give each key its own id.`)
    } else {
      keys[id] = value
      current ??= id
    }
  }
  return mistakes.length > before || current === undefined ? undefined : { current, keys }
}

/** The data directory's own keys; made by whichever process comes first. */
function storedKeys(dataDir: string): Keyring {
  const file = join(dataDir, 'secret-keys')
  const text = readIfThere(file) ?? makeKeys(dataDir, file)
  const mistakes: string[] = []
  const keyring = parseKeys(text, mistakes)
  if (!keyring)
    throw new ConfigurationError([
      `${file} is damaged: restore it from a backup or set SECRET_KEYS; secrets encrypted with it cannot be read otherwise.`,
    ])
  return keyring
}

function makeKeys(dataDir: string, file: string): string {
  makeDataDir(dataDir)
  const mine = `${file}.${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(mine, `k1:${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
    // A hard link appears whole or fails because another process was first; then that one's keys are ours too.
    linkSync(mine, file)
  } catch (cause) {
    if (readIfThere(file) === undefined) {
      throw new ConfigurationError(
        [`DATA_DIR ${dataDir} cannot be written: set DATA_DIR to a directory of this user, or set SECRET_KEYS.`],
        { cause },
      )
    }
  } finally {
    rmSync(mine, { force: true })
  }
  return readFileSync(file, 'utf8')
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    throw new ConfigurationError(
      [`${file} cannot be read (${errorCode(cause)}): start Freehold as the user that made it, or set DATA_DIR.`],
      { cause },
    )
  }
}

/** The environment for a program we start on a person's terminal, such as psql, with `extra` on top. */
export function environmentWith(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...extra }
}
