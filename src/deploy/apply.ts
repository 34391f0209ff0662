import pg from 'pg'
import type AppliedSources from '../../generated/types/app_private/AppliedSources.ts'
import { ConfigurationError } from '../config.ts'
import { dropRemoved, findGone } from './dropRemoved.ts'
import { checkFunctionBodies } from './functionBodies.ts'
import { locks } from './locks.ts'
import { isNewer, readRelease, RELEASE } from './release.ts'
import { lawOf, readSources, REGISTRY, REGISTRY_VIEW, roomOf, SourceError, type Source } from './sources.ts'
import { untilFree } from './untilFree.ts'

export interface ApplyOptions {
  /** Runs every file, changed or not. */
  readonly force?: boolean
  /** A migration came before: what is compiled from the registry runs again, and the checks, though no file changed. */
  readonly hasMigrated?: boolean
}

/** What an apply did. */
export interface Applied {
  /** Files that ran, as paths below the root. */
  readonly applied: readonly string[]
  /** Files that were applied before and are gone. */
  readonly removed: readonly string[]
  /** Functions and views that went with them. */
  readonly dropped: readonly string[]
}

/** A row of a check: something breaks a law. `path` is the file that the law stands in. */
export interface Offence {
  readonly law: string
  readonly path: string
  readonly offender: string
  readonly why: string
  /** What to write, and where. */
  readonly mend: string
}

/** Laws of the schema do not hold; the message lists law, offender, reason and how to mend it. */
export class BrokenLawError extends Error {
  override readonly name = 'BrokenLawError'
  readonly offences: readonly Offence[]

  constructor(offences: readonly Offence[]) {
    const laws = Map.groupBy(offences, ({ law, path }) => `${law} (${path})`)
    const lines = [...laws].flatMap(([law, rows]) => [
      law,
      ...rows.flatMap((row) => [
        `  ${row.offender}: ${row.why}`,
        `    mend  ${row.mend.replaceAll('\n', '\n          ')}`,
      ]),
    ])
    super(
      `${laws.size === 1 ? 'A law does' : `${laws.size} laws do`} not hold; nothing was applied.\n${lines.join('\n')}`,
    )
    this.offences = offences
  }
}

/** Something a later file of the room may yet create: undefined table, function, object (type, role); a missing schema is not among them. */
const NOT_YET = new Set(['42P01', '42883', '42704'])

const CREATE_APPLIED_SOURCES = `
  create schema if not exists app_private;
  create table app_private.applied_sources (
    path       text        not null,
    checksum   text        not null,
    applied_at timestamptz not null default now(),
    constraint applied_sources_pkey primary key (path)
  );
  alter table app_private.applied_sources enable row level security;
  comment on table app_private.applied_sources is
    'Record of repeatable sources: which text of each file this database runs. Kept by apply, outside migrations.';
  comment on column app_private.applied_sources.path is 'File below the project''s root, or the name of something else that was installed.';
  comment on column app_private.applied_sources.checksum is 'SHA-256 of the file in hex; for things that are not files, their version.';
  comment on column app_private.applied_sources.applied_at is 'When this text was last run here.';
`

/**
 * Runs the repeatable sources that changed since they were last applied, as freehold_owner in one transaction; then every check.
 * Files of a room may be in any order: one that misses what another creates is tried again after it.
 * @throws SourceError naming file and line; BrokenLawError when a check returns a row. Either way nothing has changed.
 */
export async function apply(ownerUrl: string, root: string, options: ApplyOptions = {}): Promise<Applied> {
  return await untilFree(() => applyOnce(ownerUrl, root, options))
}

async function applyOnce(ownerUrl: string, root: string, options: ApplyOptions): Promise<Applied> {
  const sources = await readSources(root)
  const client = new pg.Client({ connectionString: ownerUrl, application_name: `freehold-apply ${process.pid}` })
  await client.connect()
  try {
    await client.query('begin')
    // Before lock_timeout is set, since that would also end the wait for another apply.
    await client.query('select pg_advisory_xact_lock($1)', [locks.apply])
    await client.query(
      `set local lock_timeout = '5s'; set local check_function_bodies = off; set local client_min_messages = warning`,
    )
    const applied = await applySources(client, sources, root, options)
    await client.query('commit')
    return applied
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  } finally {
    await client.end()
  }
}

async function applySources(
  client: pg.Client,
  sources: readonly Source[],
  root: string,
  options: ApplyOptions,
): Promise<Applied> {
  const recorded =
    (await readAppliedSources(client)) ?? (await client.query(CREATE_APPLIED_SOURCES), new Map<string, string>())
  const release = await readRelease(root)
  const theirs = recorded.get(RELEASE)
  if (isNewer(theirs, release)) {
    throw new ConfigurationError([
      `Release ${theirs} applied its sources to this database, and this is ${release}: nothing was applied, older SQL does not replace newer.`,
    ])
  }
  const isNew = (source: Source) => recorded.get(source.path) !== source.checksum
  // What is compiled from the registry follows it, and the tables it tells of.
  const isRegistryNew = options.hasMigrated || sources.some((source) => source.path === REGISTRY && isNew(source))
  const changed = sources.filter(
    (source) => options.force || isNew(source) || (isRegistryNew && source.text.includes(REGISTRY_VIEW)),
  )
  const present = new Set(sources.map((source) => source.path))
  // What stands for something else than a source is not taken for a deleted file.
  const missing = [...recorded.keys()].filter((path) => roomOf(path) !== undefined && !present.has(path))
  const gone = findGone(missing, sources)

  for (const files of Map.groupBy(
    changed.filter((source) => source.room !== 'sql/checks'),
    (source) => source.room,
  ).values()) {
    await runRoom(client, files)
  }
  const dropped = await dropRemoved(client, gone)
  if (release !== undefined && release !== theirs) await recordInstalled(client, { [RELEASE]: release })
  if (changed.length > 0 || missing.length > 0) {
    await client.query(
      `insert into app_private.applied_sources (path, checksum) select * from unnest($1::text[], $2::text[])
       on conflict (path) do update set checksum = excluded.checksum, applied_at = now()`,
      [changed.map((source) => source.path), changed.map((source) => source.checksum)],
    )
    await client.query('delete from app_private.applied_sources where path = any ($1)', [missing])
  }
  if (changed.length > 0 || missing.length > 0 || options.hasMigrated) {
    // What follows from the tables is written anew by `npm run generate`, which needs an applied database; db:laws checks it.
    const written = sources.filter(({ room }) => room === 'functions')
    const offences = [...(await checkFunctionBodies(client, written)), ...(await runChecks(client, root))]
    if (offences.length > 0) throw new BrokenLawError(offences)
  }
  return { applied: changed.map((source) => source.path), removed: gone, dropped }
}

/** Rounds over the files, until none is left or a whole round brings nothing. */
async function runRoom(client: pg.Client, files: readonly Source[]): Promise<void> {
  let left = files
  while (left.length > 0) {
    const failed: { source: Source; error: SourceError }[] = []
    for (const source of left) {
      const error = await runFile(client, source)
      if (error && !NOT_YET.has(error.code ?? '')) throw error
      if (error) failed.push({ source, error })
    }
    if (failed.length === left.length && failed[0]) throw failed[0].error
    left = failed.map(({ source }) => source)
  }
}

/** The file's error, after which the transaction is as it was before the file. */
async function runFile(client: pg.Client, source: Source): Promise<SourceError | undefined> {
  await client.query('savepoint source')
  try {
    await client.query(source.text)
    await client.query('release savepoint source')
    return undefined
  } catch (error) {
    await client.query('rollback to savepoint source')
    return new SourceError(source, error)
  }
}

/** What a check returns, in this order. */
const COLUMNS = ['offender', 'why', 'mend'] as const

/**
 * Runs every file of sql/checks, each one query that returns {@link COLUMNS}, and gives what they returned.
 * @throws SourceError when a check itself cannot run, or returns something else.
 */
export async function runChecks(client: pg.ClientBase, root: string): Promise<Offence[]> {
  const offences: Offence[] = []
  for (const check of (await readSources(root)).filter((source) => source.room === 'sql/checks')) {
    const { fields, rows } = await client
      .query<Record<(typeof COLUMNS)[number], string>>(check.text)
      .catch((error: unknown) => {
        throw new SourceError(check, error)
      })
    const names = fields.map(({ name }) => name)
    if (names.join() !== COLUMNS.join())
      throw new SourceError(check, new Error(`a check returns ${COLUMNS.join(', ')}; this one ${names.join(', ')}`))
    offences.push(...rows.map((row) => ({ law: lawOf(check.path), path: check.path, ...row })))
  }
  return offences
}

/** Path to checksum, or undefined before the first apply. */
export async function readAppliedSources(client: pg.ClientBase): Promise<Map<string, string> | undefined> {
  const {
    rows: [found],
  } = await client.query<{ found: boolean }>(`select to_regclass('app_private.applied_sources') is not null as found`)
  if (!found?.found) return undefined
  const { rows } = await client.query<Pick<AppliedSources, 'path' | 'checksum'>>(
    'select path, checksum from app_private.applied_sources',
  )
  return new Map(rows.map((row) => [row.path, row.checksum]))
}

/** Writes down something installed that is not a repeatable source: the roles, graphile-worker. */
export async function recordInstalled(client: pg.ClientBase, entries: Readonly<Record<string, string>>): Promise<void> {
  await client.query(
    `insert into app_private.applied_sources (path, checksum) select key, value from jsonb_each_text($1)
     on conflict (path) do update set checksum = excluded.checksum, applied_at = now()`,
    [JSON.stringify(entries)],
  )
}
