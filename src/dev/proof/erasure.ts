import type pg from 'pg'
import { readRelations } from './catalog.ts'
import { MEMBERS, type World } from './fixture.ts'
import type { PersonName, TenantName } from './people.ts'
import { TABLES } from './tables.ts'

const PEOPLE: readonly PersonName[] = ['bob', 'vera', 'bill', 'nobody']
const TENANTS: readonly TenantName[] = ['acme', 'evil']

/** Column of the person in tables where others have rows beside theirs, said apart from the registry. */
const PERSON: Readonly<Record<string, string>> = {
  'app_public.users': 'id',
  'app_public.user_settings': 'user_id',
  'app_private.user_secrets': 'user_id',
  'app_private.user_tokens': 'user_id',
  'app_public.sessions': 'user_id',
  'app_public.tenant_members': 'user_id',
  'app_public.team_members': 'user_id',
  'app_public.project_members': 'user_id',
  'app_public.api_keys': 'user_id',
  'app_public.audit_logs': 'user_id',
  'audit.row_versions': 'subject_id',
}

/**
 * Erases people, once with an address they proved and once without, and compares every table before and after: nothing of a tenant they
 * are not in, and nothing of anybody else, may change. Everything is undone: the caller has begun a transaction, as superuser.
 */
export async function tryErasure(client: pg.ClientBase, world: World): Promise<{ cells: number; breaches: string[] }> {
  const tables = (await readRelations(client)).filter(({ kind }) => kind === 'table').map(({ name }) => name)
  const breaches: string[] = []
  let cells = 0
  for (const person of PEOPLE) {
    const { id } = world.people[person]
    const others = tables.flatMap((table) =>
      conditions(table, person, world).map((condition) => ({ table, condition })),
    )
    for (const proved of [true, false]) {
      await client.query('savepoint erasure')
      await client.query('update app_public.users set email_verified_at = $2 where id = $1', [
        id,
        proved ? new Date() : null,
      ])
      const before = await digests(client, others)
      await client.query('select app_private.erase_person($1)', [id])
      const after = await digests(client, others)
      const { rows } = await client.query('select email from app_public.users where id = $1', [id])
      if (rows[0]?.email !== `erased-${id}@erased.invalid`) breaches.push(`erase_person left ${person} as they were`)
      for (const [index, { table, condition }] of others.entries()) {
        cells += 1
        if (before[index] !== after[index]) {
          breaches.push(
            `erasing ${person} (${proved ? 'proved' : 'unproved'} address) changed ${table} where ${condition}`,
          )
        }
      }
      await client.query('rollback to savepoint erasure; release savepoint erasure')
    }
  }
  return { cells, breaches }
}

/** Rows of a table that are not the person's: those of tenants they are not in, and those about others. */
function conditions(table: string, person: PersonName, world: World): string[] {
  const test = TABLES[table]
  const foreign = TENANTS.filter((tenant) => !MEMBERS[tenant].includes(person)).flatMap((tenant) => {
    if (test === undefined || test.belongs === 'nobody') return []
    return [test.belongs?.(tenant, world) ?? `tenant_id = '${world.tenants[tenant].id}'`]
  })
  const column = PERSON[table]
  return [...foreign, ...(column === undefined ? [] : [`${column} <> '${world.people[person].id}'`])]
}

async function digests(
  client: pg.ClientBase,
  others: readonly { table: string; condition: string }[],
): Promise<string[]> {
  const digests: string[] = []
  for (const { table, condition } of others) {
    const { rows } = await client.query<{ digest: string }>(
      `select count(*) || ' ' || md5(coalesce(string_agg(t::text, '' order by t::text), '')) as digest from ${table} t where ${condition}`,
    )
    digests.push(rows[0]!.digest)
  }
  return digests
}
