import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { findDetachedVersions, findVersionColumns, isSuperuser } from '../../generated/queries/verify.ts'
import { ROOT } from '../deploy/database.ts'
import type { PublishedSeal } from './publishedSeals.ts'

/** What is wrong with one version, or with a seal itself. */
export interface Finding {
  /** Number of the seal; null when the version is not sealed yet. */
  readonly seal: number | null
  readonly kind: 'edited' | 'inserted' | 'deleted' | 'reordered' | 'seal'
  /** What was found, for people. */
  readonly what: string
  /** Table and row of the version; null for a seal, and for a deleted version, of which the manifest knows the id alone. */
  readonly table: string | null
  readonly rowId: string | null
  readonly versionId: string | null
  /** Time of the version, ISO 8601 in UTC; of a deleted one that of its id, to the millisecond. */
  readonly at: string | null
}

/** The ledger of one tenant held against its seals. */
export interface TenantReport {
  readonly tenantId: string
  /** Slug; `(platform)` for what is of no tenant, the id when the tenant is gone. */
  readonly tenant: string
  readonly seals: number
  /** Versions that the seals cover. */
  readonly versions: number
  /** Versions that came after the last seal. */
  readonly unsealed: number
  /** In the order of seals, {@link MAX_FINDINGS} of each kind of test at most. */
  readonly findings: readonly Finding[]
}

/** Beyond these the first bad seal is known and the rest is no news. */
export const MAX_FINDINGS = 100
/** Tenant of what is of no tenant. */
const PLATFORM = '00000000-0000-0000-0000-000000000000'
/** Versions that one statement reads. */
const BATCH_VERSIONS = 100_000

export interface VerifyOptions {
  /** Slug or id; undefined for all. */
  readonly tenant?: string | undefined
  /** Seals that were kept elsewhere, in any order, repeated or not. */
  readonly published?: readonly PublishedSeal[] | undefined
}

export class UnknownTenantError extends Error {
  override readonly name = 'UnknownTenantError'
}

/**
 * Holds the ledger against its chain of seals: numbers and ranges without a gap, digests recomputed, every version against the
 * manifest and back, personal values against their digests, and empty ones against the list of erasures.
 *
 * Proves, as far as SHA-256 holds: no version in a sealed range was edited, inserted, deleted or reordered since its seal was made.
 * Does not prove anything of versions that are not sealed yet (about a minute; longer while an old transaction is open anywhere in the cluster), nor that
 * what was written was true. Without published seals it does not show that somebody who may do everything in the database wrote
 * another ledger and sealed all of it anew, or took away the newest seals with their versions; with them it does, as long as that
 * somebody can not write the file as well. A person on the list of erasures may have been put there to hide something: their
 * personal values are gone, what happened and when is not.
 *
 * Digests are those of this checkout, not of functions that the database may have been given.
 * @param client superuser or freehold_owner, in no transaction. Nothing it does outlasts the call.
 * @throws UnknownTenantError
 */
export async function verifyAudit(
  client: pg.ClientBase,
  { tenant, published = [] }: VerifyOptions = {},
): Promise<TenantReport[]> {
  await client.query('begin isolation level repeatable read')
  try {
    const columns = await prepare(client)
    const { rows: tenants } = await client.query<{ id: string; name: string }>(TENANTS, [
      PLATFORM,
      published.map((seal) => seal.tenantId),
    ])
    const chosen =
      tenant === undefined ? tenants : tenants.filter(({ id, name }) => id === tenant.toLowerCase() || name === tenant)
    if (tenant !== undefined && chosen.length === 0)
      throw new UnknownTenantError(`The ledger knows no tenant "${tenant}": give a slug or an id.`)
    const reports: TenantReport[] = []
    for (const { id, name } of chosen) {
      const { chain, findings } = await verifyChain(
        client,
        id,
        published.filter((seal) => seal.tenantId === id),
      )
      findings.push(...(await verifyVersions(client, id, chain, columns)), ...(await verifyPersonal(client, id)))
      const {
        rows: [count],
      } = await client.query<{ unsealed: number }>(
        `select count(*)::integer as unsealed from pg_temp.ledger l where l.tenant_id = $1 and l.transaction_id >= $2::xid8`,
        [id, chain.at(-1)?.until ?? '0'],
      )
      findings.sort((one, other) => (one.seal ?? Infinity) - (other.seal ?? Infinity))
      reports.push({
        tenantId: id,
        tenant: name,
        seals: chain.length,
        versions: chain.reduce((sum, seal) => sum + seal.rowCount, 0),
        unsealed: count!.unsealed,
        findings,
      })
    }
    return reports
  } finally {
    await client.query('rollback')
  }
}

/** What the verifier needs to know of a seal. */
interface Link {
  readonly number: number
  /** First transaction it does not cover. */
  readonly until: string
  readonly rowCount: number
  readonly digest: string
}

// The statements that follow ask for what is in pg_temp, which is there for one session: nothing can type them beforehand.

/**
 * Makes pg_temp.ledger of all partitions, the detached ones too, and the digests of this checkout as functions of pg_temp.
 * @returns columns of a version, quoted.
 */
async function prepare(client: pg.ClientBase): Promise<string[]> {
  await client.query(
    'set local search_path to pg_catalog, pg_temp; set local statement_timeout to 0; set local max_parallel_workers_per_gather to 0',
  )
  for (const name of ['version_digest', 'seal_digest']) {
    const text = await readFile(join(ROOT, 'functions/audit/ledger', `${name}.sql`), 'utf8')
    // The path is pinned above: to do so in every call takes as long as the digest.
    const [definition] = text
      .replace(`function audit.${name}(`, `function pg_temp.${name}(`)
      .replace(/^ *set search_path .*\n/m, '')
      .split('\ncomment on ')
    await client.query(definition!)
  }
  const columns = (await findVersionColumns.run(undefined, client)).map(({ name }) => name)
  const detached = (await findDetachedVersions.run(undefined, client)).map(({ name }) => name)
  const parts = ['audit.row_versions', ...detached].map((name) => `select ${columns.join(', ')} from ${name}`)
  await client.query(`
    create temp view ledger with (security_invoker = true) as ${parts.join(' union all ')};
    create temp table mismatch (seal bigint, id uuid, expected bytea) on commit drop;
    create temp table extra (seal bigint, id uuid, created_at timestamptz) on commit drop;
    create temp table candidate (v audit.row_versions) on commit drop`)
  const [me] = await isSuperuser.run(undefined, client)
  if (!me!.isSuperuser) await seeEverything(client, detached)
  return columns
}

/** Row security hides everything from the owner, who is let in as app_system. All of it is taken back with the transaction. */
async function seeEverything(client: pg.ClientBase, detached: readonly string[]): Promise<void> {
  for (const name of detached) {
    await client.query(`
      grant usage on schema partitions to app_system;
      grant select on ${name} to app_system;
      create policy all_system on ${name} for select to app_system using (true)`)
  }
  await client.query(`
    grant all on table ledger, mismatch, extra, candidate to app_system;
    grant execute on function pg_temp.version_digest(audit.row_versions), pg_temp.seal_digest(audit.seals) to app_system;
    set local role app_system`)
}

/** Tenants with versions, seals or published seals; what is of no tenant first. */
const TENANTS = `
  with recursive ids as (
    (select l.tenant_id as id from pg_temp.ledger l order by 1 limit 1)
    union all
    select (select l.tenant_id from pg_temp.ledger l where l.tenant_id > i.id order by 1 limit 1) from ids i where i.id is not null)
  select a.id, case when a.id = $1 then '(platform)' else coalesce(t.slug, a.id::text) end as name
  from (
    select i.id from ids i where i.id is not null
    union select s.tenant_id from audit.seals s
    union select p.id from unnest($2::uuid[]) p (id)) a
  left join app_public.tenants t on t.id = a.id
  order by a.id <> $1, t.slug, a.id`

const ofSeal = (seal: number, what: string): Finding => ({
  seal,
  kind: 'seal',
  what,
  table: null,
  rowId: null,
  versionId: null,
  at: null,
})

/** Each seal by itself, against the one before, and against what was published of it. */
async function verifyChain(client: pg.ClientBase, tenantId: string, published: readonly PublishedSeal[]) {
  const { rows } = await client.query<{
    number: string
    until: string
    rowCount: string
    digest: string
    after: string
    isNext: boolean
    isJoined: boolean
    isWhole: boolean
  }>(
    `
    select s.number, s.until_transaction::text as until, s.row_count as "rowCount", encode(s.digest, 'hex') as digest,
      coalesce(lag(s.number) over w, 0) as after,
      s.from_transaction = coalesce(lag(s.until_transaction) over w, '0'::xid8) as "isNext",
      s.previous_digest = coalesce(lag(s.digest) over w, decode(repeat('00', 32), 'hex')) as "isJoined",
      s.digest = pg_temp.seal_digest(s) and s.row_count * 48 = length(s.manifest) as "isWhole"
    from audit.seals s
    where s.tenant_id = $1
    window w as (order by s.number)
    order by s.number`,
    [tenantId],
  )
  const findings: Finding[] = []
  for (const row of rows) {
    const number = Number(row.number)
    const missing = Number(row.after) + 1
    if (missing < number)
      findings.push(
        ofSeal(
          missing,
          `seal ${missing}${missing < number - 1 ? ` to ${number - 1} are` : ' is'} missing from the chain`,
        ),
      )
    if (!row.isNext) findings.push(ofSeal(number, 'its range does not begin where the seal before ends'))
    if (!row.isJoined) findings.push(ofSeal(number, 'it does not hold the digest of the seal before'))
    if (!row.isWhole) findings.push(ofSeal(number, 'the seal itself was edited: its digest is another'))
  }
  const chain = rows.map((row): Link => ({
    number: Number(row.number),
    until: row.until,
    rowCount: Number(row.rowCount),
    digest: row.digest,
  }))
  const byNumber = new Map(chain.map((seal) => [seal.number, seal]))
  const told = new Set<string>()
  for (const seal of published) {
    const kept = byNumber.get(seal.number)
    const isSame =
      kept && kept.digest === seal.digest && kept.until === seal.untilTransaction && kept.rowCount === seal.rowCount
    const key = `${seal.number} ${seal.digest}`
    if (isSame || told.has(key)) continue
    told.add(key)
    findings.push(
      ofSeal(
        seal.number,
        kept
          ? `rewritten: it is not the seal that was published at ${seal.createdAt}`
          : `it was published at ${seal.createdAt} and is gone from the chain`,
      ),
    )
  }
  return { chain, findings }
}

/** A version as findings name it, of an alias that has its columns. */
const naming = (v: string) => `${v}.table_name as "table", ${v}.row_id as "rowId", ${v}.id as "versionId",
  to_char(${v}.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`

/** Every version of a sealed range against the manifest, and back. */
async function verifyVersions(
  client: pg.ClientBase,
  tenantId: string,
  chain: readonly Link[],
  columns: readonly string[],
): Promise<Finding[]> {
  await client.query('truncate mismatch, extra, candidate')
  let found = 0
  for (let first = 0; first < chain.length && found < MAX_FINDINGS;) {
    let after = first
    for (
      let versions = 0;
      after < chain.length && (after === first || versions + chain[after]!.rowCount <= BATCH_VERSIONS);
      after++
    )
      versions += chain[after]!.rowCount
    const {
      rows: [row],
    } = await client.query<{ found: number }>(
      `
      with
        sealed as materialized (
          -- Detoasted once, and not once for each version.
          select s.number, s.manifest || ''::bytea as manifest
          from audit.seals s where s.tenant_id = $1 and s.number between $2 and $3),
        -- Materialized, lest a join carries the manifest along with each version.
        said as materialized (
          select s.number, encode(substr(s.manifest, i * 48 + 1, 16), 'hex')::uuid as id, substr(s.manifest, i * 48 + 17, 32) as digest
          from sealed s, generate_series(0, length(s.manifest) / 48 - 1) i),
        there as materialized (
          select s.number, l.id, l.created_at, pg_temp.version_digest(row(${columns.map((name) => `l.${name}`).join(', ')})::audit.row_versions) as digest
          from audit.seals s
          join pg_temp.ledger l on l.tenant_id = s.tenant_id and l.transaction_id >= s.from_transaction and l.transaction_id < s.until_transaction
          where s.tenant_id = $1 and s.number between $2 and $3),
        different as materialized (
          select a.number as said_number, a.id as said_id, a.digest as said_digest, b.number as there_number, b.id as there_id, b.created_at
          from said a
          full join there b on b.number = a.number and b.id = a.id and b.digest = a.digest
          where a.id is null or b.id is null),
        mismatches as (
          insert into mismatch select d.said_number, d.said_id, d.said_digest from different d where d.said_id is not null returning 1),
        extras as (
          insert into extra select d.there_number, d.there_id, d.created_at from different d where d.there_id is not null returning 1)
      select (select count(*) from mismatches)::integer + (select count(*) from extras)::integer as found`,
      [tenantId, chain[first]!.number, chain[after - 1]!.number],
    )
    found += row!.found
    first = after
  }
  return found === 0 ? [] : await explainVersions(client, tenantId, columns)
}

/**
 * Tells edited, inserted, deleted and reordered versions apart. A version is reordered when what the manifest says of it comes true
 * with values taken from another version that is not what its manifest says either: they changed places, wholly or in part.
 */
async function explainVersions(
  client: pg.ClientBase,
  tenantId: string,
  columns: readonly string[],
): Promise<Finding[]> {
  await client.query(`
    delete from mismatch m where (m.seal, m.id) not in (select n.seal, n.id from mismatch n order by n.seal, n.id limit ${MAX_FINDINGS});
    delete from extra e where (e.seal, e.id, e.created_at) not in (
      select f.seal, f.id, f.created_at from extra f order by f.seal, f.id limit ${MAX_FINDINGS});`)
  const row = columns.map((name) => `l.${name}`).join(', ')
  await client.query(
    `
    insert into candidate
    select row(${row})::audit.row_versions
    from pg_temp.ledger l
    where l.tenant_id = $1 and l.id in (select m.id from mismatch m union select e.id from extra e)`,
    [tenantId],
  )
  const place = ['created_at', 'transaction_id']
  const others = (...names: readonly string[]) => columns.filter((name) => !names.includes(name))
  // What the second version may have got of the first.
  const exchanges = [
    ['created_at'],
    ['transaction_id'],
    place,
    ['snapshot'],
    ['snapshot', 'diff'],
    ['snapshot', 'diff', 'personal_digest'],
    ['row_id'],
    ['row_id', 'snapshot', 'diff'],
    others('id'),
    others('id', 'created_at'),
    others('id', 'transaction_id'),
    others('id', ...place),
    others(
      'id',
      ...place,
      'personal',
      'personal_salt',
      'personal_digest',
      'ip',
      'user_agent',
      'origin_salt',
      'origin_digest',
    ),
  ]
  const mixed = (taken: readonly string[]) =>
    `pg_temp.version_digest(row(${columns.map((name) => `(${taken.includes(name) ? 'b' : 'a'}.v).${name}`).join(', ')})::audit.row_versions) = m.expected`
  const { rows } = await client.query<Finding>(`
    with
      wrong as (
        select m.seal, m.id, m.expected, a.v,
          exists (select from candidate b where (b.v).id <> m.id and (${exchanges.map(mixed).join('\n or ')})) as is_reordered
        from mismatch m
        join candidate a on (a.v).id = m.id),
      inserted as (
        select e.seal, c.v
        from extra e
        join candidate c on (c.v).id = e.id and (c.v).created_at = e.created_at
        where e.id not in (select m.id from mismatch m)),
      renamed as (
        select m.seal, m.id, i.v
        from mismatch m
        join inserted i on pg_temp.version_digest(row(${columns.map((name) => (name === 'id' ? 'm.id' : `(i.v).${name}`)).join(', ')})::audit.row_versions) = m.expected
        where m.id not in (select w.id from wrong w))
    select w.seal::integer as seal, case when w.is_reordered then 'reordered' else 'edited' end as kind,
      case when w.is_reordered then 'it changed places with another version' else 'it is not what was sealed' end as what, ${naming('(w.v)')}
    from wrong w
    union all
    select r.seal::integer, 'edited', 'it was sealed under the id ' || r.id, ${naming('(r.v)')}
    from renamed r
    union all
    select i.seal::integer, 'inserted', 'it was not there when its range was sealed', ${naming('(i.v)')}
    from inserted i
    where (i.v).id not in (select (r.v).id from renamed r)
    union all
    select m.seal::integer, 'deleted', 'it was sealed and is gone', null, null, m.id,
      to_char(uuid_extract_timestamp(m.id) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    from mismatch m
    where m.id not in (select w.id from wrong w) and m.id not in (select r.id from renamed r)
    order by 1, 6`)
  return rows
}

/** Personal values against the digests that the seals stand for; they are gone only where a person was erased. */
async function verifyPersonal(client: pg.ClientBase, tenantId: string): Promise<Finding[]> {
  const { rows } = await client.query<Finding>(
    `
    with
      invitations as (select unnest(e.invitation_ids) as id from audit.erasures e),
      tested as (
        select l.*,
          case
            when l.personal is null and l.personal_salt is null then
              l.personal_digest is null or l.subject_id in (select e.user_id from audit.erasures e) or l.row_id in (select i.id from invitations i)
            else sha256(l.personal_salt || convert_to(l.personal::text, 'utf8')) = l.personal_digest
          end as is_personal_right,
          case
            when l.ip is null and l.user_agent is null and l.origin_salt is null then
              l.origin_digest is null or l.user_id in (select e.user_id from audit.erasures e)
              or (l.user_id is null and (l.subject_id in (select e.user_id from audit.erasures e) or l.row_id in (select i.id from invitations i)))
            else sha256(l.origin_salt || convert_to(jsonb_build_array(l.ip, l.user_agent)::text, 'utf8')) = l.origin_digest
          end as is_origin_right
        from pg_temp.ledger l
        where l.tenant_id = $1)
    select (
        select s.number::integer from audit.seals s
        where s.tenant_id = $1 and s.from_transaction <= t.transaction_id and s.until_transaction > t.transaction_id
        limit 1) as seal,
      'edited' as kind,
      case when t.is_personal_right is true then 'its address and user agent' else 'its personal values' end
        || case when case when t.is_personal_right is true then t.origin_salt else t.personal_salt end is null
          then ' were emptied, and nobody was erased' else ' are not what was sealed' end as what, ${naming('t')}
    from tested t
    where t.is_personal_right is not true or t.is_origin_right is not true
    order by 1, t.id
    limit ${MAX_FINDINGS}`,
    [tenantId],
  )
  return rows
}
