import pg from 'pg'
import { CLAIM_NAMES } from '../../db/withTenant.ts'
import { checksum } from '../../deploy/sources.ts'
import { errorCode } from '../../errorCode.ts'
import { FUNCTIONS, type FunctionCase } from './cases.ts'
import { readRelations, readRoutines, readThings, type Relation, type Routine } from './catalog.ts'
import type { Actor, World } from './fixture.ts'
import { NOWHERE, PLATFORM_QUEUES, TABLES, type Condition, type TableCase } from './tables.ts'
import type { TenantName } from './people.ts'

/** What was tried and what came of it. The proof holds when both lists are empty. */
export interface Proof {
  /** Trials: one object, one actor, one verb, one side of the wall. */
  cells: number
  /** Somebody reached what is not theirs, or did not reach what is. */
  readonly breaches: string[]
  /** Objects without a case, and tables without rows to protect. */
  readonly missing: string[]
}

export interface ProveOptions {
  /** Tries these relations only, by name with schema, and these functions only, by signature. */
  readonly only?: readonly string[]
}

const TENANTS = ['acme', 'evil'] as const
const ROLES = ['app_anonymous', 'app_user', 'freehold_authenticator', 'freehold_worker', 'app_operator'] as const

/** What came of a statement: its rows, or the SQLSTATE of its refusal. */
type Outcome =
  | { readonly rows: Record<string, unknown>[]; readonly count: number; readonly code?: undefined }
  | { readonly code: string; readonly message: string }

/**
 * Tries every object of the catalog as every actor. Everything is undone: the caller has begun a transaction.
 * @param client a superuser's, with the key ring: what is truly there is seen past all policies.
 */
export async function prove(client: pg.ClientBase, world: World, options: ProveOptions = {}): Promise<Proof> {
  const trial = new Trial(client, world)
  const isTried = (name: string) => options.only === undefined || options.only.includes(name)
  const relations = await readRelations(client)
  for (const relation of relations) {
    if (isTried(relation.name)) await tryRelation(trial, relation)
  }
  const routines = await readRoutines(client, ROLES)
  await tryFunctions(
    trial,
    routines.filter(({ signature }) => isTried(signature)),
  )
  const walked = new Set([...relations.map(({ name }) => name), ...routines.map(({ signature }) => signature)])
  for (const { name, kind } of await readThings(client, ROLES)) {
    if (!walked.has(name)) trial.proof.missing.push(`${name}: the proof does not walk ${kind}`)
  }
  if (options.only === undefined) {
    const stale = [...Object.keys(TABLES), ...Object.keys(FUNCTIONS)].filter((name) => !walked.has(name))
    trial.proof.missing.push(...stale.map((name) => `${name}: it has a case, but is not in the catalog`))
  }
  return trial.proof
}

/** The state of one proof: who is acting, and what was found. */
class Trial {
  readonly proof: Proof = { cells: 0, breaches: [], missing: [] }
  readonly client: pg.ClientBase
  readonly world: World

  constructor(client: pg.ClientBase, world: World) {
    this.client = client
    this.world = world
  }

  get actors(): readonly Actor[] {
    return this.world.actors
  }

  /** Runs `fn` under the claims and role of somebody; whatever it changed is undone. */
  async as<T>(actor: Actor, fn: () => Promise<T>): Promise<T> {
    const settings = CLAIM_NAMES.map(
      (name) => `set_config('app.${name}', ${pg.escapeLiteral(actor.claims[name] ?? '')}, true)`,
    )
    await this.client.query(`savepoint actor; select ${settings.join(', ')}; set local role ${actor.role}`)
    try {
      return await fn()
    } finally {
      await this.client.query('rollback to savepoint actor; release savepoint actor')
    }
  }

  /** Tries one statement and undoes it. `after` looks, past all policies, at what it did. */
  async attempt(sql: string, after?: () => Promise<void>): Promise<Outcome> {
    this.proof.cells++
    const undo = 'rollback to savepoint attempt; release savepoint attempt'
    try {
      // One round trip, whose results are a list.
      const results = (await this.client.query(
        `savepoint attempt; ${sql}; ${after ? 'reset role' : undo}`,
      )) as unknown as pg.QueryResult<Record<string, unknown>>[]
      if (after) {
        await after()
        await this.client.query(undo)
      }
      return { rows: results[1]!.rows, count: results[1]!.rowCount ?? 0 }
    } catch (error) {
      await this.client.query(undo)
      return { code: errorCode(error) ?? 'none', message: error instanceof Error ? error.message : String(error) }
    }
  }

  breach(where: string, actor: Actor, what: string): void {
    this.proof.breaches.push(`${where} as ${actor.name}: ${what}`)
  }

  async count(table: string, condition: Condition): Promise<number> {
    const {
      rows: [row],
    } = await this.client.query<{ count: string }>(`select count(*) from ${table} where ${condition}`)
    return Number(row?.count)
  }

  /** What is one tenant's in one table, as a condition; undefined when its rows are no tenant's. */
  belongs(test: TableCase, tenant: TenantName): Condition | undefined {
    if (test.belongs === 'nobody') return undefined
    return test.belongs?.(tenant, this.world) ?? `tenant_id = '${this.world.tenants[tenant].id}'`
  }
}

const isDenied = (outcome: Outcome): boolean => outcome.code === '42501' || (outcome.code?.startsWith('FH') ?? false)
/** A foreign key that carries the tenant refuses before anything is told. */
const isRefused = (outcome: Outcome): boolean => isDenied(outcome) || outcome.code === '23503'
const describe = (outcome: Outcome): string =>
  outcome.code === undefined ? `${outcome.count} rows` : `${outcome.code} ${outcome.message}`

async function tryRelation(trial: Trial, relation: Relation): Promise<void> {
  if (relation.kind === 'partition' || relation.kind === 'materialized view') return await tryShut(trial, relation)
  const test = TABLES[relation.name]
  if (test === undefined) return void trial.proof.missing.push(`${relation.name}: no case in src/dev/proof/tables.ts`)

  for (const tenant of TENANTS) {
    const rows = await trial.count(relation.name, trial.belongs(test, tenant) ?? 'true')
    if (rows === 0 && test.isEmpty !== true)
      trial.proof.missing.push(`${relation.name}: the fixture has no row of ${tenant}`)
  }
  let isSeenBySomebody = false
  for (const actor of trial.actors) {
    const expected = await keysOf(trial, relation, test.select?.(actor, trial.world) ?? 'false')
    isSeenBySomebody ||= expected.size > 0
    const change = await trial.count(relation.name, test.update?.rows(actor, trial.world) ?? 'false')
    const removal = await trial.count(relation.name, test.delete?.(actor, trial.world) ?? 'false')
    const attack = relation.columns.length > 0 ? await foreignRow(trial, relation, test, actor) : undefined
    await trial.as(actor, async () => {
      await trySelect(trial, relation, actor, expected)
      if (attack === undefined) return
      await tryInsert(trial, relation, test, actor, attack)
      await tryChange(trial, relation, test, actor, { change, removal })
    })
  }
  if (test.select !== undefined && !isSeenBySomebody)
    trial.proof.missing.push(`${relation.name}: nobody sees a row, so nothing was denied`)
}

/** What nobody may reach at all: a partition asks none of the policies of its parent. */
async function tryShut(trial: Trial, { name, columns }: Relation): Promise<void> {
  const [column] = columns
  const statements = [
    `select from ${name}`,
    `insert into ${name} default values`,
    `update ${name} set ${column} = null`,
    `delete from ${name}`,
  ]
  for (const actor of trial.actors) {
    await trial.as(actor, async () => {
      for (const statement of statements) {
        const outcome = await trial.attempt(statement)
        if (outcome.code !== '42501') trial.breach(name, actor, `${statement} was not denied: ${describe(outcome)}`)
      }
    })
  }
}

/** A view has no key: there the whole row is. */
const keyText = ({ key, readable }: Relation) =>
  (key.length > 0
    ? key.map((column) => `${column}::text`)
    : readable.map((column) => `coalesce(${column}::text, '')`)
  ).join(` || '/' || `)

async function keysOf(trial: Trial, relation: Relation, condition: Condition): Promise<Set<string>> {
  const { rows } = await trial.client.query<{ key: string }>(
    `select ${keyText(relation)} as key from ${relation.name} where ${condition}`,
  )
  return new Set(rows.map(({ key }) => key))
}

async function trySelect(trial: Trial, relation: Relation, actor: Actor, expected: ReadonlySet<string>): Promise<void> {
  const outcome = await trial.attempt(`select ${keyText(relation)} as key from ${relation.name}`)
  // The other side of the wall is in the same answer.
  trial.proof.cells++
  if (outcome.code !== undefined && !isDenied(outcome))
    return trial.breach(relation.name, actor, `select failed: ${describe(outcome)}`)
  const seen = new Set(outcome.code === undefined ? outcome.rows.map((row) => String(row.key)) : [])
  const foreign = [...seen].filter((key) => !expected.has(key)).length
  const lost = [...expected].filter((key) => !seen.has(key)).length
  if (foreign > 0) trial.breach(relation.name, actor, `sees ${foreign} rows that are not theirs to see`)
  if (lost > 0)
    trial.breach(relation.name, actor, `does not see ${lost} of ${expected.size} rows that are theirs to see`)
}

interface Attack {
  readonly tenant: TenantName
  readonly belongs: Condition | undefined
  readonly insert: string | undefined
  readonly template: string | undefined
}

/** How `actor` would reach for the other tenant: its rows, a copy of one of them, and a row that points there. */
async function foreignRow(trial: Trial, relation: Relation, test: TableCase, actor: Actor): Promise<Attack> {
  const tenant =
    actor.tenant === 'acme' || (actor.person !== undefined && actor.person !== 'mallory' && actor.person !== 'nobody')
      ? 'evil'
      : 'acme'
  const belongs = trial.belongs(test, tenant)
  const owner = trial.actors.find((other) => other.tenant === tenant && other.rank === 'owner')
  const {
    rows: [row],
  } = await trial.client.query<Record<string, string | null>>(
    `select ${relation.columns.map((column) => `${column}::text`).join(', ')} from ${relation.name} where ${belongs ?? 'true'} limit 1`,
  )
  const values = Object.values(row ?? {}).map((value) => (value === null ? 'null' : pg.escapeLiteral(value)))
  return {
    tenant,
    belongs,
    insert: row && `insert into ${relation.name} (${relation.columns.join(', ')}) values (${values.join(', ')})`,
    template: owner && test.insert?.(owner, trial.world),
  }
}

async function tryInsert(
  trial: Trial,
  relation: Relation,
  test: TableCase,
  actor: Actor,
  attack: Attack,
): Promise<void> {
  const { name } = relation
  if (attack.insert !== undefined) {
    const outcome = await trial.attempt(attack.insert)
    if (!isDenied(outcome))
      trial.breach(name, actor, `insert of a row of ${attack.tenant} was not denied: ${describe(outcome)}`)
  }
  const own = test.insert?.(actor, trial.world)
  const mate = trial.actors.find((other) => other.tenant === actor.tenant && other.rank === 'owner')
  const tried = own ?? (mate && test.insert?.(mate, trial.world))
  if (tried !== undefined) {
    const outcome = await trial.attempt(`insert into ${name} ${tried}`)
    if (own !== undefined && outcome.code !== undefined)
      trial.breach(name, actor, `insert of a row of their own failed: ${describe(outcome)}`)
    if (own === undefined && !isDenied(outcome))
      trial.breach(name, actor, `insert was not denied: ${describe(outcome)}`)
  }
  if (attack.template !== undefined) {
    const before = await digestAside(trial, name, attack.belongs)
    let after = before
    const outcome = await trial.attempt(`insert into ${name} ${attack.template}`, async () => {
      after = await digest(trial, name, attack.belongs)
    })
    if (outcome.code !== undefined && !isRefused(outcome))
      trial.breach(name, actor, `insert that points to ${attack.tenant} failed oddly: ${describe(outcome)}`)
    if (after !== before) trial.breach(name, actor, `insert reached ${attack.tenant}`)
  }
}

async function tryChange(
  trial: Trial,
  relation: Relation,
  test: TableCase,
  actor: Actor,
  expected: { readonly change: number; readonly removal: number },
): Promise<void> {
  const { name, columns } = relation
  const set = test.update?.set ?? `${columns.at(-1)} = null`
  const check = async (statement: string, what: string, count: number) => {
    const outcome = await trial.attempt(statement)
    if (outcome.code !== undefined) {
      if (!isDenied(outcome)) trial.breach(name, actor, `${what} failed oddly: ${describe(outcome)}`)
      else if (count > 0)
        trial.breach(name, actor, `${what} of ${count} rows that are theirs was denied: ${describe(outcome)}`)
    } else if (outcome.count !== count) {
      trial.breach(name, actor, `${what} reached ${outcome.count} rows and not ${count}`)
    }
  }
  // Without where, no policy of select stands before those of update and delete.
  await check(`update ${name} set ${set}`, 'update', expected.change)
  await check(`delete from ${name}`, 'delete', expected.removal)
  for (const tenant of TENANTS) {
    const belongs = trial.belongs(test, tenant)
    if (tenant === actor.tenant || belongs === undefined) continue
    if (
      !actor.tenant &&
      actor.role === 'app_user' &&
      test.select?.(actor, trial.world) !== 'false' &&
      test.belongs !== undefined
    )
      continue
    if (actor.role === 'freehold_worker' && PLATFORM_QUEUES.includes(name)) continue
    await check(`update ${name} set ${set} where ${belongs}`, `update of rows of ${tenant}`, 0)
    await check(`delete from ${name} where ${belongs}`, `delete of rows of ${tenant}`, 0)
    if (columns.includes('tenant_id')) {
      await check(`update ${name} set tenant_id = '${trial.world.tenants[tenant].id}'`, `moving rows to ${tenant}`, 0)
    }
  }
}

/** A fingerprint of one tenant's rows of one table, taken past all policies. */
async function digest(trial: Trial, table: string, condition: Condition | undefined): Promise<string> {
  const {
    rows: [row],
  } = await trial.client.query<{ digest: string }>(
    `select md5(coalesce(string_agg(t::text, '' order by t::text), '')) as digest from ${table} t where ${condition ?? 'true'}`,
  )
  return row!.digest
}

async function digestAside(trial: Trial, table: string, condition: Condition | undefined): Promise<string> {
  await trial.client.query('savepoint aside; reset role')
  const result = await digest(trial, table, condition)
  await trial.client.query('rollback to savepoint aside; release savepoint aside')
  return result
}

async function tryFunctions(trial: Trial, routines: readonly Routine[]): Promise<void> {
  if (routines.length === 0) return
  const acme = await readAcme(trial)
  for (const routine of routines) {
    await tryDenied(trial, routine)
    if (routine.executors.length === 0) continue
    const test = FUNCTIONS[routine.signature]
    if (test === undefined) trial.proof.missing.push(`${routine.signature}: no case in src/dev/proof/cases.ts`)
    else await tryFunction(trial, routine, test, acme)
  }
}

/** Whoever may not execute it is told so, whatever the arguments. */
async function tryDenied(
  trial: Trial,
  { name, signature, argumentTypes, executors, isStrict }: Routine,
): Promise<void> {
  const call = `select ${name}(${argumentTypes.map((type) => `null::${type}`).join(', ')}) as result`
  for (const actor of trial.actors) {
    if (executors.includes(actor.role)) continue
    await trial.as(actor, async () => {
      const outcome = await trial.attempt(call)
      // The planner answers for a strict function of nulls without calling it.
      const isUncalled = isStrict && outcome.code === undefined && outcome.rows[0]?.result === null
      if (outcome.code !== '42501' && !isUncalled)
        trial.breach(signature, actor, `the call was not denied: ${describe(outcome)}`)
    })
  }
}

/** How to tell Acme's things from others. */
interface Acme {
  readonly ids: ReadonlySet<string>
  /** A query of one fingerprint a table. */
  fingerprints(): Promise<Map<string, string>>
}

async function readAcme(trial: Trial): Promise<Acme> {
  const parts = Object.entries(TABLES).flatMap(([table, test]) => {
    const condition = trial.belongs(test, 'acme')
    return condition === undefined ? [] : [{ table, condition }]
  })
  const { client, world } = trial
  const union = (columns: string) =>
    parts
      .map(({ table, condition }) => `select '${table}' as "table", ${columns} from ${table} t where ${condition}`)
      .join('\nunion all\n')
  const { rows } = await client.query<{
    text: string
  }>(`select distinct m[1] as text from (${union('t::text as row')}) x,
    lateral regexp_matches(x.row, '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') m`)
  // The first is the tenant of what is of no tenant.
  const { mallory, nobody, oscar } = world.people
  const others = new Set([NOWHERE, world.tenants.evil.id, mallory.id, nobody.id, oscar.id])
  // Hundreds of times the same: prepared, it is parsed and planned once.
  const text = union(`md5(coalesce(string_agg(t::text, '' order by t::text), '')) as print`)
  const name = `fingerprints ${checksum(text).slice(0, 16)}`
  return {
    ids: new Set(rows.map((row) => row.text).filter((id) => !others.has(id))),
    fingerprints: async () => {
      const { rows: prints } = await client.query<{ table: string; print: string }>({ name, text })
      return new Map(prints.map(({ table, print }) => [table, print]))
    },
  }
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

async function tryFunction(
  trial: Trial,
  { signature, executors }: Routine,
  test: FunctionCase,
  acme: Acme,
): Promise<void> {
  const { client, world } = trial
  await client.query('savepoint function')
  try {
    const query = async (sql: string, params: readonly unknown[] = []) =>
      (await client.query<Record<string, string>>(sql, [...params])).rows
    const made = (await test.setup?.(query, world)) ?? {}
    const rightful = trial.actors.find((actor) => actor.name === test.by)
    if (rightful === undefined) throw new Error(`${signature}: there is no actor ${test.by}`)
    const statement = (call: string) => `select to_jsonb(r) as result from ${call} r`

    await trial.as(rightful, async () => {
      const outcome = await trial.attempt(statement(test.call(world, made)))
      if (test.raises !== undefined) {
        if (outcome.code !== test.raises)
          trial.breach(signature, rightful, `it did not raise ${test.raises}: ${describe(outcome)}`)
      } else if (outcome.code !== undefined) {
        trial.breach(signature, rightful, `the rightful call failed: ${describe(outcome)}`)
      } else if (!test.isVoid && (isNothing(outcome.rows[0]?.result) || refusalOf(outcome.rows[0]?.result))) {
        trial.breach(signature, rightful, `the rightful call gave ${JSON.stringify(outcome.rows[0]?.result)}`)
      }
    })

    const before = await acme.fingerprints()
    const tryForeign = (actor: Actor, call: string, isMixed = false) =>
      trial.as(actor, async () => {
        let changed: string[] = []
        const outcome = await trial.attempt(statement(call), async () => {
          const after = await acme.fingerprints()
          changed = [...after]
            .filter(([table, print]) => before.get(table) !== print && !test.touches?.[table])
            .map(([table]) => table)
        })
        if (outcome.code !== undefined) {
          if (!(isMixed ? isRefused : isDenied)(outcome))
            trial.breach(signature, actor, `the foreign call failed oddly: ${describe(outcome)}`)
          return
        }
        if (isPlatform(rightful) && !isMixed) return trial.breach(signature, actor, 'the foreign call was not denied')
        const text = JSON.stringify(outcome.rows)
        const told = (text.match(UUID) ?? []).filter((id) => acme.ids.has(id) && !call.includes(id))
        if (told.length > 0 || (/acme/i.test(text) && !/acme/i.test(call)))
          trial.breach(signature, actor, 'the foreign call returned something of acme')
        if (changed.length > 0) trial.breach(signature, actor, `the foreign call changed ${changed.join(', ')} of acme`)
      })
    for (const actor of trial.actors.filter(
      (other) => isForeign(other, rightful) && (executors.includes(other.role) || other.role === 'app_user'),
    )) {
      await tryForeign(actor, (test.attack ?? test.call)(world, made))
    }
    const mixer = trial.actors.find(({ name }) => name === (isPlatform(rightful) ? 'worker for evil' : 'mallory'))
    for (const call of test.mixed?.(world) ?? []) await tryForeign(mixer!, call, true)
  } finally {
    await client.query('rollback to savepoint function; release savepoint function')
  }
}

/** Everybody who has nothing to do with Acme; for what the platform's own roles run, everybody else. */
function isForeign(actor: Actor, rightful: Actor): boolean {
  if (rightful.role === 'app_operator') return actor !== rightful
  if (isPlatform(rightful)) return actor.role === 'app_user' || actor.role === 'app_anonymous'
  if (isPlatform(actor)) return actor.tenant !== 'acme'
  return (
    actor.tenant !== 'acme' && (actor.person === undefined || actor.person === 'mallory' || actor.person === 'nobody')
  )
}

/** The platform's own log-ins; what they run is nobody else's to call. */
function isPlatform({ role }: Actor): boolean {
  return role === 'freehold_worker' || role === 'freehold_authenticator' || role === 'app_operator'
}

/** A composite of nothing but nulls is nothing. */
function isNothing(result: unknown): boolean {
  if (result === null || result === undefined) return true
  return typeof result === 'object' && !Array.isArray(result) && Object.values(result).every((value) => value === null)
}

function refusalOf(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'refusal' in result && result.refusal !== null
}
