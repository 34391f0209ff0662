import { hostname, userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { ConfigurationError, loadConfig } from '../config.ts'
import { createPool } from '../db/pools.ts'
import { openServer } from '../deploy/database.ts'
import { errorCode } from '../errorCode.ts'
import { mapDatabaseError } from '../errors.ts'
import { act, logIn, logOut, makeOperator, Refusal, type Origin } from './acts.ts'

/** What a command has to work with. `words` are its arguments, as many as it asks for. */
interface Given {
  readonly owner: pg.Pool
  readonly origin: Origin
  readonly words: readonly string[]
  readonly options: {
    readonly reason?: string
    readonly after?: string
    readonly page?: string
    readonly code?: string
  }
  /** Token of the operator's session. */
  token(): string
}

interface Command {
  readonly words: readonly string[]
  readonly help: string
  readonly needsReason?: true
  run(given: Given): Promise<unknown>
  /** The answer in words for people; `--json` prints it as it came. */
  say(answer: any): string
}

type Person = { email: string; id: string; two_factor_enabled: boolean } | null
type Tenant = { slug: string; id: string } | null
const person = (done: string) => (answer: Person) => `${done} ${answer?.email} (${answer?.id})`
const tenant = (done: string) => (answer: Tenant) => `${done} ${answer?.slug} (${answer?.id})`
const reason = ({ options }: Given) => options.reason ?? ''

const COMMANDS: Readonly<Record<string, Command>> = {
  'make-operator': {
    words: ['address'],
    help: 'make a registered person an operator: the right of who holds the database',
    run: ({ owner, origin, words: [who] }) => makeOperator(owner, origin, who!, true),
    say: (answer: Person) =>
      `${answer?.email} is an operator now.` +
      (answer?.two_factor_enabled
        ? ''
        : ' They act only with a second factor: let them enable it (enableTotp, confirmTotp).'),
  },
  'unmake-operator': {
    words: ['address'],
    help: 'take that back',
    run: ({ owner, origin, words: [who] }) => makeOperator(owner, origin, who!, false),
    say: (answer: Person) => `${answer?.email} is no operator any more.`,
  },
  'log-in': {
    words: ['address'],
    help: 'ask for password and code, print a token: export OPERATOR_TOKEN=$(…)',
    run: async ({ owner, origin, words: [email], options }) => {
      const lines = await ask(['Password: ', ...(options.code === undefined ? ['One-time code: '] : [])])
      return await logIn(owner, origin, {
        email: email!,
        password: lines[0] ?? '',
        code: options.code ?? lines[1] ?? '',
      })
    },
    say: (token: string) => token,
  },
  'log-out': {
    words: [],
    help: 'end the session of OPERATOR_TOKEN',
    run: ({ owner, origin, token }) => logOut(owner, token(), origin),
    say: () => 'Logged out.',
  },
  tenants: {
    words: [],
    help: 'list tenants with size and last activity: --page 50, --after <id of the last>',
    run: ({ owner, origin, token, options }) =>
      act(owner, token(), origin, 'app_private.list_tenants', {
        ...(options.after !== undefined && { after: options.after }),
        ...(options.page !== undefined && { page: Number(options.page) }),
      }),
    say: sayTenants,
  },
  'suspend-user': {
    words: ['address or id'],
    help: 'shut a person out at once; their data stays',
    needsReason: true,
    run: (given) =>
      act(given.owner, given.token(), given.origin, 'app_private.suspend_user', {
        person: given.words[0]!,
        reason: reason(given),
      }),
    say: person('Suspended'),
  },
  'restore-user': {
    words: ['address or id'],
    help: 'let them in again',
    needsReason: true,
    run: (given) =>
      act(given.owner, given.token(), given.origin, 'app_private.restore_user', {
        person: given.words[0]!,
        reason: reason(given),
      }),
    say: person('Restored'),
  },
  'suspend-tenant': {
    words: ['slug or id'],
    help: 'shut a tenant at once: sessions, keys, webhooks, builds',
    needsReason: true,
    run: (given) =>
      act(given.owner, given.token(), given.origin, 'app_private.suspend_tenant', {
        tenant: given.words[0]!,
        reason: reason(given),
      }),
    say: tenant('Suspended'),
  },
  'restore-tenant': {
    words: ['slug or id'],
    help: 'open a suspended or closed tenant again',
    needsReason: true,
    run: (given) =>
      act(given.owner, given.token(), given.origin, 'app_private.restore_tenant', {
        tenant: given.words[0]!,
        reason: reason(given),
      }),
    say: tenant('Restored'),
  },
  'close-tenant': {
    words: ['slug or id'],
    help: 'close a tenant: its slug is free, its builds are canceled, its data is kept for a while',
    needsReason: true,
    run: (given) =>
      act(given.owner, given.token(), given.origin, 'app_private.close_tenant', {
        tenant: given.words[0]!,
        reason: reason(given),
      }),
    say: tenant('Closed'),
  },
  'change-email': {
    words: ['address or id', 'new address'],
    help: 'mail a token to the new address; it counts once redeemed. The old one is told',
    needsReason: true,
    run: (given) =>
      act(given.owner, given.token(), given.origin, 'app_private.change_user_email', {
        person: given.words[0]!,
        email: given.words[1]!,
        reason: reason(given),
      }),
    say: person('A token was mailed to the new address of'),
  },
  'resend-verification': {
    words: ['address or id'],
    help: 'mail a new token to prove the address with',
    run: ({ owner, origin, token, words: [who] }) =>
      act(owner, token(), origin, 'app_private.resend_verification', { person: who! }),
    say: person('A token was mailed to'),
  },
  'enter-tenant': {
    words: ['slug or id'],
    help: 'take the leave its owner gave (grantOperatorAccess); read by the API as a viewer, with X-Tenant',
    needsReason: true,
    run: (given) =>
      act(given.owner, given.token(), given.origin, 'app_private.enter_tenant', {
        tenant: given.words[0]!,
        reason: reason(given),
      }),
    say: (answer: { tenant_id: string; expires_at: Date } | null) =>
      `You may read until ${answer?.expires_at.toISOString()}: send your token with X-Tenant: ${answer?.tenant_id}. Its owners were told, and every request stands in its audit log.`,
  },
}

interface ListedTenant {
  id: string
  slug: string
  status: string
  members: number
  projects: number
  deployments: number
  last_activity_at: string | null
}
function sayTenants(tenants: readonly ListedTenant[]): string {
  if (tenants.length === 0) return 'No more tenants.'
  const rows = [
    ['slug', 'status', 'members', 'projects', 'deployments', 'last activity', 'id'],
    ...tenants.map((each) => [
      each.slug,
      each.status,
      String(each.members),
      String(each.projects),
      String(each.deployments),
      each.last_activity_at?.slice(0, 16) ?? 'never',
      each.id,
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function usage(): string {
  const name = (key: string, { words, needsReason }: Command) =>
    [key, ...words.map((word) => `<${word}>`), ...(needsReason ? ['--reason …'] : [])].join(' ')
  const lines = Object.entries(COMMANDS).map(([key, command]) => [name(key, command), command.help] as const)
  const width = Math.max(...lines.map(([head]) => head.length))
  return [
    'npm run -s operator -- <command>: what operators of the platform do. --json prints answers as JSON.',
    '',
    ...lines.map(([head, help]) => `  ${head.padEnd(width)}  ${help}`),
    '',
    'It runs where the configuration of the server is, and connects as the owner of the database. Acts are those of the',
    'person whose session OPERATOR_TOKEN is: an operator with a second factor, logged in within the last 15 minutes.',
    'Each is written into the audit log with its reason. Exit code 1: refused, with a code; 2: used wrongly.',
  ].join('\n')
}

class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Lines from the terminal, unseen, or from what is piped in. */
async function ask(questions: readonly string[]): Promise<string[]> {
  if (!process.stdin.isTTY) {
    const answers: string[] = []
    for await (const line of createInterface({ input: process.stdin })) answers.push(line)
    return answers
  }
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: unseen, terminal: true })
  const answers: string[] = []
  try {
    for (const question of questions) {
      process.stderr.write(question)
      answers.push(await terminal.question(''))
      process.stderr.write('\n')
    }
  } finally {
    terminal.close()
  }
  return answers
}

/** @returns the exit code. */
export async function main(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      reason: { type: 'string' },
      after: { type: 'string' },
      page: { type: 'string' },
      code: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [name = 'help', ...words] = positionals
  if (name === 'help' || values.help) {
    console.log(usage())
    return 0
  }
  const command = COMMANDS[name]
  if (!command) throw new UsageError(`There is no command "${name}".`)
  if (words.length !== command.words.length)
    throw new UsageError(`${name} takes ${command.words.map((word) => `<${word}>`).join(' ') || 'no arguments'}.`)
  if (command.needsReason && !values.reason) throw new UsageError(`${name} needs --reason: it is written down.`)
  if (values.page !== undefined && !/^\d+$/.test(values.page)) throw new UsageError('--page takes a number.')

  const config = loadConfig(env)
  const server = await openServer(config)
  const owner = createPool(server.urls.owner, { name: 'freehold-operator', size: 1, keyring: config.secretKeys })
  try {
    const answer = await command.run({
      owner,
      words,
      options: values,
      origin: { userAgent: `npm run operator, ${userInfo().username} on ${hostname()}` },
      token() {
        if (config.operatorToken === undefined)
          throw new UsageError(
            'OPERATOR_TOKEN is not set: export OPERATOR_TOKEN=$(npm run -s operator -- log-in <address>).',
          )
        return config.operatorToken
      },
    })
    console.log(values.json ? JSON.stringify(answer ?? null) : command.say(answer))
    return 0
  } finally {
    await owner.end()
    await server.leave()
  }
}

/** What a person is told, and how it ends. */
export function explain(error: unknown): { text: string; exitCode: number } {
  if (error instanceof Refusal) return { text: `${error.code}: ${error.message}`, exitCode: 1 }
  if (error instanceof UsageError || errorCode(error)?.startsWith('ERR_PARSE_ARGS'))
    return { text: `${(error as Error).message}\nnpm run -s operator -- help`, exitCode: 2 }
  if (error instanceof ConfigurationError) return { text: error.message, exitCode: 2 }
  const known = mapDatabaseError(error)
  if (known) return { text: `${known.code}: ${known.message}`, exitCode: 1 }
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 2 }
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    const { text, exitCode } = explain(error)
    console.error(text)
    process.exitCode = exitCode
  }
}
