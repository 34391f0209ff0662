import { watch } from 'node:fs'
import { access, readFile, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { join, relative } from 'node:path'
import pg from 'pg'
import { ConfigurationError, loadConfig, type Config } from '../config.ts'
import { errorCode } from '../errorCode.ts'
import { apply, BrokenLawError, readAppliedSources, runChecks } from '../deploy/apply.ts'
import { LOGIN_ROLES } from '../deploy/bootstrap.ts'
import {
  databaseOf,
  openServer,
  prepareDatabase,
  ROOT,
  withDatabase,
  type DatabaseUrls,
  type Server,
} from '../deploy/database.ts'
import { describeDrift, findDrift } from '../deploy/drift.ts'
import { openPsql } from './psql.ts'
import { withScratch } from './scratch.ts'
import {
  closeMigratePools,
  compareHistory,
  migrateSettings,
  migrationsFolder,
  readHistory,
  readMigrations,
  TamperedHistoryError,
} from '../deploy/migrate.ts'
import { withClient } from '../db/withClient.ts'
import { lawOf, readSources, ROOMS, SourceError } from '../deploy/sources.ts'

/** One command of `npm run db:<name>`. */
interface Command {
  readonly help: string
  run(server: Server, args: readonly string[], config: Config): Promise<void>
  /** Something it started has no end of its own, so the process is ended. */
  readonly mustExit?: boolean
}

const say = (line: string) => console.log(line)

const commands: Readonly<Record<string, Command>> = {
  new: { help: 'begin a migration: migrations/current.sql', run: newMigration },
  watch: { help: 'run current.sql and changed sources whenever they are saved', run: watchSources, mustExit: true },
  commit: { help: 'commit current.sql: db:commit -- "message"', run: commitMigration },
  uncommit: { help: 'turn the last committed migration back into current.sql', run: uncommitMigration },
  migrate: { help: 'create roles, run pending migrations', run: runMigrations },
  apply: {
    help: 'run changed functions, views, triggers, policies, then checks; --force runs all, --dry-run takes all back',
    run: applySources,
  },
  status: { help: 'what is applied, pending, changed', run: showStatus },
  drift: { help: 'what was changed of roles, their passwords and settings; exit code 1 when anything', run: showDrift },
  laws: { help: 'build from empty and run every check', run: checkLaws },
  check: { help: 'prove that truth equals database: build twice, apply twice, compare catalogs', run: checkTruth },
  psql: {
    help: 'psql: db:psql -- [owner|api|worker|superuser]',
    run: (server, [who]) => openPsql(urlOf(server.urls, who)),
  },
  url: {
    help: 'print the URL: db:url -- [owner|api|worker|superuser]',
    run: async (server, [who]) => say(urlOf(server.urls, who)),
  },
  reset: { help: 'drop the database and build it anew: --yes', run: resetDatabase },
}

async function newMigration(): Promise<void> {
  const file = join(migrationsFolder(ROOT), 'current.sql')
  const text = await readFile(file, 'utf8').catch(() => '')
  if (!isBlank(text))
    throw new ConfigurationError([`${relative(ROOT, file)} holds an unfinished migration: commit it first.`])
  const { blankMigrationContent = '' } = await migrateSettings(ROOT, {}, say)
  await writeFile(file, `${blankMigrationContent.trim()}\n\n`)
  say(`Write ${relative(ROOT, file)}, idempotent; db:watch runs it, db:commit keeps it.`)
}

/** Nothing but comments. */
function isBlank(sql: string): boolean {
  return sql.replace(/--.*$/gm, '').trim() === ''
}

/** A scratch database for graphile-migrate beside the real one, and the superuser who may drop it. */
function developmentUrls({ urls }: Server) {
  if (urls.superuser === undefined)
    throw new ConfigurationError([
      'This command is for development and needs a superuser: let DATABASE_URL be one, or use the embedded PostgreSQL.',
    ])
  return {
    connectionString: urls.owner,
    shadowConnectionString: withDatabase(urls.owner, 'freehold_shadow'),
    rootConnectionString: withDatabase(urls.superuser, 'postgres'),
  }
}

async function watchSources(server: Server): Promise<void> {
  await prepareDatabase(server, { log: say, withSources: false })
  const graphileMigrate = await import('graphile-migrate')
  const settings = await migrateSettings(ROOT, developmentUrls(server), say)
  // What current.sql drops and makes anew has lost its policies and triggers, though their files did not change.
  const runCurrent = () => graphileMigrate.watch(settings, true).then(() => applySources(server, ['--force']))
  let timer: NodeJS.Timeout | undefined
  let isCurrentChanged = true
  let turn = Promise.resolve()
  const change = (hasCurrent: boolean) => {
    isCurrentChanged ||= hasCurrent
    clearTimeout(timer)
    // Editors write in several steps.
    timer = setTimeout(() => {
      const run = isCurrentChanged ? runCurrent : () => applySources(server, [])
      isCurrentChanged = false
      turn = turn.then(run).catch((error: unknown) => console.error(explain(error)))
    }, 100)
  }
  const watchers = await Promise.all(
    ROOMS.map(async (room) => {
      const folder = join(ROOT, room)
      if (
        !(await access(folder).then(
          () => true,
          () => false,
        ))
      )
        return undefined
      return watch(folder, { recursive: true }, () => change(false))
    }),
  )
  watchers.push(watch(migrationsFolder(ROOT), (_event, name) => void (name === 'current.sql' && change(true))))
  change(true)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  for (const watcher of watchers) watcher?.close()
  clearTimeout(timer)
  await turn
  await closeMigratePools()
}

async function commitMigration(server: Server, args: readonly string[]): Promise<void> {
  const message = args.filter((arg) => !arg.startsWith('-')).join(' ')
  if (message === '')
    throw new ConfigurationError(['Say what the migration does: npm run db:commit -- "add deployment regions".'])
  await prepareDatabase(server, { log: say, withSources: false })
  const graphileMigrate = await import('graphile-migrate')
  const settings = await migrateSettings(ROOT, developmentUrls(server), say)
  try {
    await graphileMigrate.commit(settings, message)
  } finally {
    await closeMigratePools()
  }
  const { applied } = await apply(server.urls.owner, ROOT, { force: true })
  say(`Applied ${applied.length} files; every law holds.`)
}

async function uncommitMigration(server: Server): Promise<void> {
  await prepareDatabase(server, { log: say, withSources: false })
  const graphileMigrate = await import('graphile-migrate')
  const settings = await migrateSettings(ROOT, developmentUrls(server), say)
  try {
    await graphileMigrate.uncommit(settings)
  } finally {
    await closeMigratePools()
  }
}

async function runMigrations(server: Server): Promise<void> {
  const { migrated } = await prepareDatabase(server, { log: say, withSources: false })
  if (migrated.length === 0) say('No migration is pending.')
}

async function applySources(server: Server, args: readonly string[]): Promise<void> {
  const isRehearsal = args.includes('--dry-run')
  if (isRehearsal) await refusePending(server)
  else await prepareDatabase(server, { log: say, withSources: false })
  const { applied, removed, dropped, strays } = await apply(server.urls.owner, ROOT, {
    force: args.includes('--force'),
    isRehearsal,
  })
  if (args.includes('--force')) say(`applied ${applied.length} files; every law holds`)
  else for (const path of applied) say(`applied ${path}`)
  for (const path of removed) say(`gone    ${path}`)
  for (const object of dropped) say(`dropped ${object}`)
  for (const line of strays) say(`stray   ${line}`)
  if (applied.length + removed.length === 0) say('Nothing changed since the last apply.')
  if (isRehearsal) say('A rehearsal: all of it was taken back.')
}

/** What apply would do depends on the tables that a migration makes. */
async function refusePending(server: Server): Promise<void> {
  const history = await withClient(server.urls.owner, readHistory)
  const { pending } = compareHistory(await readMigrations(ROOT), history)
  if (pending.length > 0)
    throw new ConfigurationError([
      `Pending: ${pending.map(({ realFilename }) => realFilename).join(', ')}. A rehearsal runs no migration: npm run db:migrate first.`,
    ])
}

async function showStatus(server: Server): Promise<void> {
  const files = await readMigrations(ROOT)
  const sources = await readSources(ROOT)
  const [history, recorded] = await withClient(
    server.urls.owner,
    async (client) => [await readHistory(client), await readAppliedSources(client)] as const,
  ).catch((error: unknown) => {
    if (['3D000', '28P01'].includes(errorCode(error) ?? '')) return [new Map<string, string>(), undefined] as const
    throw error
  })
  const { applied, pending } = compareHistory(files, history)
  const changed = sources.filter((source) => recorded?.get(source.path) !== source.checksum)
  const current = await readFile(join(migrationsFolder(ROOT), 'current.sql'), 'utf8').catch(() => '')
  say(`migrations  ${applied.length} applied, ${pending.length} pending`)
  for (const migration of pending) say(`            ${migration.realFilename}`)
  say(`current.sql ${isBlank(current) ? 'empty' : 'not committed'}`)
  say(`sources     ${sources.length - changed.length} applied, ${changed.length} changed`)
  for (const source of changed) say(`            ${source.path}`)
}

async function showDrift(server: Server): Promise<void> {
  const drift = await withClient(server.urls.superuser ?? server.urls.owner, (client) => findDrift(client, server.urls))
  for (const each of drift) say(describeDrift(each))
  if (drift.length === 0) return say('Roles, passwords and settings are as they were made.')
  say('A deploy puts it right (npm start, npm run db:migrate); it needs a superuser.')
  process.exitCode = 1
}

async function checkLaws(server: Server): Promise<void> {
  const { FILE_LAW_NAMES, runFileLaws } = await import('./proof/laws.ts')
  const { BODIES_LAW, checkFunctionBodies } = await import('../deploy/functionBodies.ts')
  const sources = await readSources(ROOT)
  const laws = sources.filter((source) => source.room === 'sql/checks')
  // Building the database applies every source, which ends in running the checks; this asks once more, for the list.
  const offences = await withScratch(server, ({ owner }) =>
    withClient(owner, async (client) => {
      await client.query('begin')
      return [
        ...(await checkFunctionBodies(client, sources)),
        ...(await runChecks(client, ROOT)),
        ...(await runFileLaws(client, ROOT)),
      ]
    }),
  )
  if (offences.length > 0) throw new BrokenLawError(offences)
  const names = [...laws.map((law) => lawOf(law.path)), BODIES_LAW, ...FILE_LAW_NAMES]
  for (const name of names) say(`holds  ${name}`)
  say(`${names.length} laws hold.`)
}

async function checkTruth(server: Server): Promise<void> {
  const { dumpCatalog } = await import('./generate/catalog.ts')
  const dump = (urls: DatabaseUrls) => withClient(urls.superuser ?? urls.owner, dumpCatalog)
  // Never a clone: what is asked is what the files make today.
  const once = await withScratch(server, dump, { fromEmpty: true })
  const thrice = await withScratch(server, async (urls) => {
    for (let round = 0; round < 2; round++) await apply(urls.owner, ROOT, { force: true })
    return await dump(urls)
  })
  if (once === thrice)
    return say(
      `Truth equals database: ${once.split('\n').length} lines of catalog are the same after one apply and after three.`,
    )
  const [before, after] = [new Set(once.split('\n')), new Set(thrice.split('\n'))]
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`)
  const come = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`)
  throw new ConfigurationError([
    ['Applying twice changes the catalog: make these files repeatable.', ...gone, ...come].slice(0, 40).join('\n'),
  ])
}

async function resetDatabase(server: Server, args: readonly string[], config: Config): Promise<void> {
  const { superuser } = server.urls
  const isNear =
    config.databaseUrl === undefined ||
    ['localhost', '127.0.0.1', '[::1]'].includes(new URL(config.databaseUrl).hostname)
  if (!isNear || superuser === undefined)
    throw new ConfigurationError([
      'db:reset is for development: it drops only databases of this machine, as superuser.',
    ])
  const name = databaseOf(superuser)
  if (!args.includes('--yes'))
    throw new ConfigurationError([
      `db:reset drops database ${name} with all its rows: run it as npm run db:reset -- --yes.`,
    ])
  await withClient(withDatabase(superuser, 'postgres'), (client) =>
    client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
  )
  await prepareDatabase({ ...server, mayCreate: true }, { log: say })
}

/** @param who `api` is freehold_authenticator, as whom the API connects; default owner. */
function urlOf(urls: DatabaseUrls, who = 'owner'): string {
  const named: Readonly<Record<string, string | undefined>> = {
    owner: urls.owner,
    api: urls.authenticator,
    worker: urls.worker,
    superuser: urls.superuser,
  }
  const url = named[who]
  if (url === undefined)
    throw new ConfigurationError([
      `No URL for "${who}": choose owner (${LOGIN_ROLES.owner}), api, worker or superuser.`,
    ])
  return url
}

/** People's mistakes in a line or two; anything else with its stack. */
function explain(error: unknown): string {
  const isExpected = [ConfigurationError, SourceError, BrokenLawError, TamperedHistoryError].some(
    (kind) => error instanceof kind,
  )
  if (!(error instanceof Error)) return String(error)
  return isExpected ? error.message : (error.stack ?? error.message)
}

/** `--server <data directory>` joins the embedded server that runs there, as `npm run check` has its parts do. */
function joinedServer(args: readonly string[]): { dataDir?: string; rest: readonly string[] } {
  const at = args.indexOf('--server')
  const dataDir = args[at + 1]
  if (at === -1 || dataDir === undefined) return { rest: args }
  return { dataDir, rest: args.toSpliced(at, 2) }
}

async function main([name = '', ...args]: readonly string[]): Promise<void> {
  const command = commands[name]
  if (!command) {
    const list = Object.entries(commands).map(([key, { help }]) => `  npm run db:${key.padEnd(9)} ${help}`)
    throw new ConfigurationError([[`No command "${name}". There are:`, ...list].join('\n')])
  }
  const { dataDir, rest } = joinedServer(args)
  const config = dataDir === undefined ? loadConfig() : loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' })
  const server = await openServer(config)
  try {
    await command.run(server, rest, config)
  } finally {
    await server.leave()
  }
  if (command.mustExit) process.exit()
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    console.error(explain(error))
    process.exitCode = 1
  }
}
