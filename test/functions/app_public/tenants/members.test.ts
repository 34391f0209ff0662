import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { enrol, found, join, namedPeople, type Person, type Tenant } from '../../../support/people.ts'
import { ask, askOne, authenticate } from '../../../support/ask.ts'
import { listen } from '../../../support/listen.ts'
import { refusal } from '../../../support/refusal.ts'
import { loop } from '../../../support/loops.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})
afterAll(() => database.close())

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows
const LAST_OWNER = { sqlstate: 'FH409', code: 'LAST_OWNER' }

/** A tenant of a test's own, with an owner and one member of each rank below. */
let houses = 0
async function house(): Promise<{ tenant: Tenant; owner: Person; admin: Person; developer: Person; viewer: Person }> {
  const number = (houses += 1)
  const [owner, admin, developer, viewer] = (await Promise.all(
    ['owner', 'admin', 'developer', 'viewer'].map((role) => enrol(database, `${role}${number}`)),
  )) as [Person, Person, Person, Person]
  const tenant = await found(database, owner, `House ${number}`, `house-${number}`)
  await join(database, owner, admin, tenant, 'admin')
  await join(database, owner, developer, tenant, 'developer')
  await join(database, owner, viewer, tenant, 'viewer')
  return { tenant, owner, admin, developer, viewer }
}
const inside = (tenant: Tenant, who: Person) => ({ token: who.token, tenant: tenant.slug })
const roleOf = (tenant: Tenant, who: Person) =>
  authenticate(database, inside(tenant, who)).then(
    (claims) => claims.member_role,
    (error) => error.code,
  )
const changeRole = (tenant: Tenant, by: Person, who: Person, role: string) =>
  askOne(database, inside(tenant, by), 'select * from app_public.change_member_role($1, $2)', [who.id, role])
const remove = (tenant: Tenant, by: Person, who: Person) =>
  askOne(database, inside(tenant, by), 'select * from app_public.remove_member($1)', [who.id])
const leave = (tenant: Tenant, who: Person) => ask(database, inside(tenant, who), 'select app_public.leave_tenant()')
const transfer = (tenant: Tenant, by: Person, who: Person) =>
  askOne(database, inside(tenant, by), 'select * from app_public.transfer_ownership($1)', [who.id])

test('removing a member ends their teams, projects and keys, at once and here only', async () => {
  const { tenant, owner, developer } = await house()
  const elsewhere = await found(database, developer, 'Own place', 'own-place')
  const key = async (slug: string) =>
    (
      await askOne(
        database,
        { token: developer.token, tenant: slug },
        `select * from app_public.create_api_key('k', '{write}')`,
      )
    ).token
  const [here, there] = [await key(tenant.slug), await key(elsewhere.slug)]
  const team = await askOne(
    database,
    inside(tenant, owner),
    `insert into app_public.teams (name) values ('Crew') returning id`,
  )
  await ask(database, inside(tenant, owner), 'insert into app_public.team_members (team_id, user_id) values ($1, $2)', [
    team.id,
    developer.id,
  ])
  const project = await askOne(
    database,
    inside(tenant, owner),
    `insert into app_public.projects (name, slug) values ('Secret', 'secret') returning id`,
  )
  await ask(
    database,
    inside(tenant, owner),
    'insert into app_public.project_members (project_id, user_id) values ($1, $2)',
    [project.id, developer.id],
  )
  expect(await ask(database, here, 'select slug from app_public.projects')).toEqual([{ slug: 'secret' }])

  const revocations = await listen(database, 'auth_revoked')
  expect(await remove(tenant, owner, developer)).toMatchObject({ user_id: developer.id, invitation_status: 'removed' })
  expect(await revocations.heard()).toContain(`user:${developer.id}`)
  await revocations.close()
  expect(await roleOf(tenant, developer)).toBe('FH403')
  await expect(authenticate(database, here)).rejects.toMatchObject({ code: 'FH401' })
  for (const table of ['team_members', 'project_members'])
    expect(await rows(`select 1 from app_public.${table} where user_id = $1`, [developer.id])).toEqual([])
  await expect(authenticate(database, there)).resolves.toMatchObject({ tenant_id: elsewhere.id })
  expect(await roleOf(elsewhere, developer)).toBe('owner')
  expect(await refusal(remove(tenant, owner, developer))).toEqual({ sqlstate: 'FH404', code: 'MEMBER_NOT_FOUND' })
})

test('a member who was removed has no default tenant any more', async () => {
  const { tenant, owner, viewer } = await house()
  expect(await authenticate(database, viewer)).toMatchObject({ tenant_id: tenant.id })
  await remove(tenant, owner, viewer)
  expect(await authenticate(database, viewer)).toMatchObject({ tenant_id: '', member_role: '' })
})

test('admins remove and rank whom they outrank or equal; only owners touch owners', async () => {
  const { tenant, owner, admin, developer, viewer } = await house()
  const forbidden = expect.objectContaining({ sqlstate: 'FH403', code: 'FORBIDDEN' })
  for (const who of [developer, viewer]) {
    expect(await refusal(remove(tenant, who, viewer))).toEqual(forbidden)
    expect(await refusal(changeRole(tenant, who, viewer, 'billing'))).toEqual(forbidden)
  }
  expect(await refusal(remove(tenant, admin, owner))).toEqual(forbidden)
  expect(await refusal(changeRole(tenant, admin, owner, 'viewer'))).toEqual(forbidden)
  expect(await refusal(changeRole(tenant, admin, developer, 'owner'))).toEqual(forbidden)
  expect(await refusal(changeRole(tenant, admin, admin, 'owner'))).toEqual(forbidden)
  expect(await refusal(transfer(tenant, admin, admin))).toEqual(forbidden)

  expect(await changeRole(tenant, admin, developer, 'admin')).toMatchObject({ role: 'admin' })
  expect(await roleOf(tenant, developer)).toBe('admin')
  expect(await changeRole(tenant, admin, developer, 'billing')).toMatchObject({ role: 'billing' })
  expect(await changeRole(tenant, owner, developer, 'owner')).toMatchObject({ role: 'owner' })
  expect(await remove(tenant, developer, owner)).toMatchObject({ invitation_status: 'removed' })
  expect(await roleOf(tenant, owner)).toBe('FH403')
  expect(await remove(tenant, admin, viewer)).toMatchObject({ invitation_status: 'removed' })
})

test('a rank changes for members only, and null is no rank', async () => {
  const { tenant, owner, viewer } = await house()
  const notFound = { sqlstate: 'FH404', code: 'MEMBER_NOT_FOUND' }
  expect(await refusal(changeRole(tenant, owner, people.mallory, 'viewer'))).toEqual(notFound)
  expect(await refusal(remove(tenant, owner, people.mallory))).toEqual(notFound)
  expect(await refusal(transfer(tenant, owner, people.mallory))).toEqual(notFound)
  expect(await roleOf(people.tenants.evil, people.mallory)).toBe('owner')
  expect(await refusal(changeRole(tenant, owner, viewer, null as unknown as string))).toMatchObject({
    sqlstate: 'FH403',
  })
  await leave(tenant, viewer)
  expect(await refusal(changeRole(tenant, owner, viewer, 'admin'))).toEqual(notFound)
})

test('a last owner can not leave, be removed or step down, until another is there', async () => {
  const { tenant, owner, admin } = await house()
  expect(await refusal(leave(tenant, owner))).toEqual(LAST_OWNER)
  expect(await refusal(remove(tenant, owner, owner))).toEqual(LAST_OWNER)
  expect(await refusal(changeRole(tenant, owner, owner, 'admin'))).toEqual(LAST_OWNER)
  expect(
    await refusal(
      rows('delete from app_public.tenant_members where tenant_id = $1 and user_id = $2', [tenant.id, owner.id]),
    ),
  ).toEqual(LAST_OWNER)
  expect(await roleOf(tenant, owner)).toBe('owner')
  await changeRole(tenant, owner, admin, 'owner')
  await leave(tenant, owner)
  expect(await roleOf(tenant, owner)).toBe('FH403')
  expect(await refusal(leave(tenant, admin))).toEqual(LAST_OWNER)
})

test('ownership is transferred: the other is the owner, the former one an admin', async () => {
  const { tenant, owner, viewer } = await house()
  expect(await transfer(tenant, owner, viewer)).toMatchObject({ id: tenant.id, owner_id: viewer.id })
  expect([await roleOf(tenant, owner), await roleOf(tenant, viewer)]).toEqual(['admin', 'owner'])
  expect(await refusal(transfer(tenant, owner, owner))).toMatchObject({ sqlstate: 'FH403' })
  // To oneself it changes nothing.
  expect(await transfer(tenant, viewer, viewer)).toMatchObject({ owner_id: viewer.id })
  expect(await roleOf(tenant, viewer)).toBe('owner')
  expect(
    await rows(
      `select type, actor_user_id, data from app_public.events where tenant_id = $1 and type = 'tenant.ownership_transferred' order by created_at limit 1`,
      [tenant.id],
    ),
  ).toEqual([{ type: 'tenant.ownership_transferred', actor_user_id: owner.id, data: { userId: viewer.id } }])
})

loop(
  'of two owners who leave, step down or remove each other at the same time, exactly one succeeds',
  { short: 3, full: 60, of: 'races of each kind' },
  async (count) => {
    const { tenant, owner, admin } = await house()
    const ways: ((who: Person, other: Person) => Promise<unknown>)[] = [
      (who) => leave(tenant, who),
      (who) => changeRole(tenant, who, who, 'viewer'),
      (who, other) => remove(tenant, who, other),
      (who, other) => changeRole(tenant, who, other, 'admin'),
    ]
    for (const way of ways)
      for (let round = 0; round < count; round += 1) {
        await rows(
          `update app_public.tenant_members set role = 'owner', invitation_status = 'joined' where tenant_id = $1 and user_id = any ($2)`,
          [tenant.id, [owner.id, admin.id]],
        )
        const results = await Promise.allSettled([way(owner, admin), way(admin, owner)])
        expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
        for (const result of results)
          if (result.status === 'rejected') expect(result.reason.code).toMatch(/^FH40[349]$|^40P01$/)
        expect(
          await rows(
            `select count(*)::integer from app_public.tenant_members where tenant_id = $1 and role = 'owner' and invitation_status = 'joined'`,
            [tenant.id],
          ),
        ).toEqual([{ count: 1 }])
      }
  },
)

test('a tenant can be deleted with its last owner', async () => {
  const { tenant } = await house()
  expect(await rows('delete from app_public.tenants where id = $1 returning 1 as deleted', [tenant.id])).toEqual([
    { deleted: 1 },
  ])
})

test('slugs of tenants are unique on the platform, whatever their case', async () => {
  const make = (slug: string) =>
    ask(database, people.nobody, `select * from app_public.create_tenant('Name', $1)`, [slug])
  expect(await refusal(make('ACME'))).toEqual({ sqlstate: '23505', code: 'tenants_slug_key' })
  expect(await make('ACME-2')).toMatchObject([{ slug: 'acme-2', owner_id: people.nobody.id }])
  for (const bad of ['a', '-acme', 'a b', 'é-acme', 'a'.repeat(64)])
    expect(await refusal(make(bad))).toMatchObject({ sqlstate: '23514' })
  expect(await ask(database, people.nobody, 'select slug from app_public.my_tenants()')).toEqual([{ slug: 'acme-2' }])
})

test('an API key makes no tenant, joins none and leaves none', async () => {
  const { token } = await askOne(database, people.bob, `select * from app_public.create_api_key('k', '{write}')`)
  for (const sql of [
    `app_public.create_tenant('X', 'x-tenant')`,
    'app_public.leave_tenant()',
    `app_public.accept_invitation('x')`,
    'app_public.logout()',
    `app_public.change_password('a', 'long enough')`,
    `app_public.enable_totp('a')`,
    `app_public.create_api_key('y')`,
  ]) {
    expect(await refusal(ask(database, token, `select * from ${sql}`))).toEqual({
      sqlstate: 'FH401',
      code: 'UNAUTHENTICATED',
    })
  }
  expect(await ask(database, people.bob, `select slug from app_public.create_tenant('X', 'x-tenant')`)).toEqual([
    { slug: 'x-tenant' },
  ])
})

test('a tenant answers through an owner it still has', async () => {
  const { tenant, owner, admin } = await house()
  const answers = async () =>
    (await rows('select owner_id from app_public.tenants where slug = $1', [tenant.slug]))[0].owner_id
  await changeRole(tenant, owner, admin, 'owner')
  expect(await answers()).toBe(owner.id)
  await leave(tenant, owner)
  expect(await answers()).toBe(admin.id)
})
