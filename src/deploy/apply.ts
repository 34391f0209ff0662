import pg from 'pg'
import type AppliedSources from '../../generated/types/app_private/AppliedSources.ts'
import { ConfigurationError } from '../config.ts'
import { dropRemoved, findGone } from './dropRemoved.ts'
import { checkFunctionBodies } from './functionBodies.ts'
import { Leftovers, type Made } from './leftovers.ts'
import { locks } from './locks.ts'
import { isNewer, readRelease, RELEASE } from './release.ts'
import { lawOf, readSources, REGISTRY, REGISTRY_VIEW, roomOf, SourceError, type Source } from './sources.ts'
import { untilFree } from './untilFree.ts'

export interface ApplyOptions {
  /** Runs every file, changed or not. */
  readonly force?: boolean
  /** A migration came before: what is compiled from the registry runs again, and the checks, though no file changed. */
  readonly hasMigrated?: boolean
  /** Does everything, then takes all of it back: the answer says what would happen. */
  readonly isRehearsal?: boolean
}

/** What an apply did. */
export interface Applied {
  /** Files that ran, as paths below the root. */
  readonly applied: readonly string[]
  /** Files that were applied before and are gone. */
  readonly removed: readonly string[]
  /** Policies, triggers and grants that no file makes any more; functions and views that went with their files. */
  readonly dropped: readonly string[]
  /** Policies, triggers and grants on objects of ours that no file made: they stay. Only told by an apply that ran. */
  readonly strays: readonly string[]
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

const COMMENT_MADE = `
  comment on column app_private.applied_sources.made is
    'Policies, triggers and grants that its last run made, one line each; null when it is not known, and for things that are not files.';
`

const CREATE_APPLIED_SOURCES = `
  create schema if not exists app_private;
  create table app_private.applied_sources (
    path       text        not null,
    checksum   text        not null,
    applied_at timestamptz not null default now(),
    made       text[],
    constraint applied_sources_pkey primary key (path)
  );
  alter table app_private.applied_sources enable row level security;
  comment on table app_private.applied_sources is
    'Record of repeatable sources: which text of each file this database runs. Kept by apply, outside migrations.';
  comment on column app_private.applied_sources.path is 'File below the project''s root, or the name of something else that was installed.';
  comment on column app_private.applied_sources.checksum is 'SHA-256 of the file in hex; for things that are not files, their version.';
  comment on column app_private.applied_sources.applied_at is 'When this text was last run here.';
  ${COMMENT_MADE}
`

/** For databases that a release of before applied its sources to. */
const ADD_MADE = `
  alter table app_private.applied_sources add column made text[];
  ${COMMENT_MADE}
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
    await client.query(options.isRehearsal ? 'rollback' : 'commit')
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
  const leftovers = new Leftovers(client, sources, await readMade(client))
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
    await leftovers.begin(files)
    await runRoom(client, files, (source) => leftovers.note(source))
  }
  const dropped = [...(await leftovers.drop(changed, missing, gone)), ...(await dropRemoved(client, gone))]
  const strays = await leftovers.strays(sources, missing)
  if (release !== undefined && release !== theirs) await recordInstalled(client, { [RELEASE]: release })
  if (changed.length > 0 || missing.length > 0) {
    await client.query(
      `insert into app_private.applied_sources (path, checksum, made)
       select s.path, s.checksum, s.made from jsonb_to_recordset($1) s (path text, checksum text, made text[])
       on conflict (path) do update set checksum = excluded.checksum, made = excluded.made, applied_at = now()`,
      [JSON.stringify(changed.map(({ path, checksum }) => ({ path, checksum, made: leftovers.madeBy(path) })))],
    )
    await client.query('delete from app_private.applied_sources where path = any ($1)', [missing])
  }
  if (changed.length > 0 || missing.length > 0 || options.hasMigrated) {
    // What follows from the tables is written anew by `npm run generate`, which needs an applied database; db:laws checks it.
    const written = sources.filter(({ room }) => room === 'functions')
    const offences = [...(await checkFunctionBodies(client, written)), ...(await runChecks(client, root))]
    if (offences.length > 0) throw new BrokenLawError(offences)
  }
  return { applied: changed.map((source) => source.path), removed: gone, dropped, strays }
}

/** Rounds over the files, until none is left or a whole round brings nothing. */
async function runRoom(
  client: pg.Client,
  files: readonly Source[],
  onRun: (source: Source) => Promise<void>,
): Promise<void> {
  let left = files
  while (left.length > 0) {
    const failed: { source: Source; error: SourceError }[] = []
    for (const source of left) {
      const error = await runFile(client, source)
      if (error && !NOT_YET.has(error.code ?? '')) throw error
      if (error) failed.push({ source, error })
      else await onRun(source)
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

/**
 * Path to checksum, or undefined before the first apply. The checksum of a file is blank when nobody wrote down what it made:
 * it has to run again.
 */
export async function readAppliedSources(client: pg.ClientBase): Promise<Map<string, string> | undefined> {
  const {
    rows: [found],
  } = await client.query<{ found: boolean }>(`select to_regclass('app_private.applied_sources') is not null as found`)
  if (!found?.found) return undefined
  // As JSON, since a database of a release before has no such column.
  const { rows } = await client.query<Pick<AppliedSources, 'path' | 'checksum'> & { isKnown: boolean }>(
    `select path, checksum, coalesce(to_jsonb(s) -> 'made', 'null') <> 'null' as "isKnown"
     from app_private.applied_sources s`,
  )
  return new Map(
    rows.map(({ path, checksum: sum, isKnown }) => [path, isKnown || roomOf(path) === undefined ? sum : '']),
  )
}

/** What each file's last run made; the place to write it is made where it is not there yet. */
async function readMade(client: pg.Client): Promise<Made> {
  const { rowCount } = await client.query(
    `select from pg_attribute where attrelid = 'app_private.applied_sources'::regclass and attname = 'made'`,
  )
  if (rowCount === 0) await client.query(ADD_MADE)
  const { rows } = await client.query<Pick<AppliedSources, 'path' | 'made'>>(
    'select path, made from app_private.applied_sources',
  )
  return new Map(rows.map(({ path, made }) => [path, made ?? undefined]))
}

/** Writes down something installed that is not a repeatable source: the roles, graphile-worker. */
export async function recordInstalled(client: pg.ClientBase, entries: Readonly<Record<string, string>>): Promise<void> {
  await client.query(
    `insert into app_private.applied_sources (path, checksum) select key, value from jsonb_each_text($1)
     on conflict (path) do update set checksum = excluded.checksum, applied_at = now()`,
    [JSON.stringify(entries)],
  )
}
