import pg from 'pg'
import { namedPeople } from '../support/people.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { seal, sealNow, verify } from './support.ts'
import { ask } from '../support/ask.ts'
import { until } from '../support/until.ts'
import { loop } from '../support/loops.ts'

let database: TestDatabase
let world: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase({ isAlone: true })
  world = await namedPeople(database)
})
afterAll(() => database.close())

/** How often the id of each version is in a manifest. */
async function timesSealed(): Promise<{ id: string; times: number; table_name: string }[]> {
  const { rows: sealed } = await database.superuser.query<{ id: string }>(`
    select encode(substr(s.manifest, i * 48 + 1, 16), 'hex')::uuid as id
    from audit.seals s, generate_series(0, s.row_count::integer - 1) i`)
  const times = new Map<string, number>()
  for (const { id } of sealed) times.set(id, (times.get(id) ?? 0) + 1)
  const { rows } = await database.superuser.query<{ id: string; table_name: string }>(
    'select v.id, v.table_name from audit.row_versions v',
  )
  return rows.map((row) => ({ ...row, times: times.get(row.id) ?? 0 }))
}

loop(
  'every version ends in one seal, whatever is written while sealers run',
  { short: 60, full: 300, of: 'transactions of each of four writers' },
  async (count) => {
    const tenantId = world.tenants.acme.id
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const client = new pg.Client({ connectionString: database.urls.superuser })
        await client.connect()
        return client
      }),
    )
    const slow = clients[4]!
    await slow.query('begin')
    await slow.query(`insert into app_public.projects (tenant_id, name, slug) values ($1, 'Slow', 'slow')`, [tenantId])
    let isWriting = true
    let rounds = 0
    const aRoundOfSealing = () => {
      const seen = rounds
      return until(() => rounds > seen)
    }
    const writers = clients.slice(0, 4).map(async (client, writer) => {
      for (let index = 0; index < count; index++) {
        await client.query('begin')
        await client.query(`insert into app_public.projects (tenant_id, name, slug) values ($1, $2::text, $2)`, [
          tenantId,
          `p-${writer}-${index}`,
        ])
        // Some stay open while a sealer comes and goes.
        if (index % 7 === 0) await aRoundOfSealing()
        await client.query(`update app_public.projects set description = 'x' where slug = $1`, [`p-${writer}-${index}`])
        await client.query(index % 10 === 9 ? 'rollback' : 'commit')
      }
    })
    const sealers = [1, 2].map(async () => {
      while (isWriting) {
        await sealNow(database, 50)
        rounds++
      }
    })
    await Promise.all(writers)
    await sealNow(database, 50)
    // Nothing at or after the oldest open transaction is sealed, so what it commits later finds its place.
    expect((await timesSealed()).filter(({ times }) => times > 1)).toEqual([])
    expect((await verify(database, { tenant: 'acme' }))[0]).toMatchObject({
      findings: [],
      unsealed: expect.any(Number),
    })
    await slow.query(`update app_public.projects set description = 'late' where slug = 'slow'`)
    await slow.query('commit')
    isWriting = false
    await Promise.all(sealers)
    await seal(database, 50)
    const all = await timesSealed()
    expect(all.length).toBeGreaterThan(4 * count * 0.9 * 2)
    expect(all.filter(({ times }) => times !== 1)).toEqual([])
    expect(await verify(database, { tenant: 'acme' })).toMatchObject([{ findings: [], unsealed: 0 }])
    await Promise.all(clients.map((client) => client.end()))
  },
)

test('a transaction that commits after a seal is in the next one', async () => {
  const client = new pg.Client({ connectionString: database.urls.superuser })
  await client.connect()
  await client.query('begin')
  await client.query(`insert into app_public.projects (tenant_id, name, slug) values ($1, 'Later', 'later')`, [
    world.tenants.acme.id,
  ])
  await ask(database, world.alice, `insert into app_public.projects (name, slug) values ('Sooner', 'sooner')`)
  await sealNow(database)
  const [before] = await verify(database, { tenant: 'acme' })
  await client.query('commit')
  await client.end()
  expect(before).toMatchObject({ findings: [] })
  await seal(database)
  const [after] = await verify(database, { tenant: 'acme' })
  expect(after).toMatchObject({ findings: [], unsealed: 0 })
  expect(after!.seals).toBeGreaterThan(before!.seals)
  expect((await timesSealed()).filter(({ times }) => times !== 1)).toEqual([])
})
