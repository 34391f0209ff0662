import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { enrol, join, namedPeople, type Person } from '../../../support/people.ts'
import { ask, askOne, authenticate } from '../../../support/ask.ts'
import { stopClock } from '../../../support/clock.ts'
import { listen } from '../../../support/listen.ts'
import { refusal } from '../../../support/refusal.ts'
import { loop } from '../../../support/loops.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
let project: string
beforeAll(async () => {
  database = await testDatabase()
  // Counters have windows that end with the minute: what is counted here must not straddle that.
  await stopClock(database)
  people = await namedPeople(database)
  project = await newProject('shop')
})
afterAll(() => database.close())

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows
const newProject = async (slug: string): Promise<string> =>
  (
    await askOne(
      database,
      people.alice,
      `insert into app_public.projects (name, slug, visibility) values ($1, $2, 'team') returning id`,
      [slug, slug],
    )
  ).id
interface Made {
  token: string
  api_key_id: string
  key_prefix: string
  expires_at: Date | null
}
/** Arguments by their names in SQL. */
const make = (who: Person, args: Record<string, unknown> = {}) => {
  const names = Object.keys({ name: '', ...args })
  return askOne<Made>(
    database,
    who,
    `select * from app_public.create_api_key(${names.map((name, i) => `${name} => $${i + 1}`).join(', ')})`,
    Object.values({ name: 'key', ...args }),
  )
}
const use = (token: string, ip = '192.0.2.1', tenant: string | null = null) =>
  authenticate(database, { token, ip, tenant })
const invalid = { sqlstate: 'FH401', code: 'UNAUTHENTICATED' }

test('a key has a prefix that scanners know and a checksum that typing errors break', async () => {
  const { token, key_prefix, api_key_id } = await make(people.bob)
  expect(token).toMatch(/^fh_live_[0-9a-f]{12}_[0-9a-f]{64}[0-9a-f]{8}$/)
  expect(token.startsWith(`${key_prefix}_`)).toBe(true)
  expect(token.slice(-8)).toBe(crc32(token.slice(0, -8)).toString(16).padStart(8, '0'))
  expect(await use(token)).toMatchObject({
    role: 'app_user',
    actor_type: 'api',
    api_key_id,
    user_id: people.bob.id,
    tenant_id: people.tenants.acme.id,
    scopes: 'read',
  })
  fc.assert(
    fc.property(fc.integer({ min: 8, max: token.length - 9 }), fc.constantFrom(...'0123456789abcdef'), (at, digit) => {
      const typo = token.slice(0, at) + digit + token.slice(at + 1, -8)
      return token[at] === digit || crc32(typo).toString(16).padStart(8, '0') !== token.slice(-8)
    }),
  )
  for (const bad of [
    token.slice(0, -1),
    token + '0',
    token.toUpperCase(),
    token.slice(0, -8) + '00000000',
    'fh_live_',
    `fh_live_${'0'.repeat(12)}_${'0'.repeat(72)}`,
  ]) {
    expect(await refusal(use(bad))).toEqual(invalid)
  }
  // A right checksum alone opens nothing.
  const forged = `fh_live_${'0'.repeat(12)}_${'1'.repeat(64)}`
  expect(await refusal(use(forged + crc32(forged).toString(16).padStart(8, '0')))).toEqual(invalid)
})

test('a key is shown once and kept as a hash', async () => {
  const { token, api_key_id } = await make(people.bob)
  const secret = token.slice(21, -8)
  for (const table of ['app_public.api_keys', 'app_private.api_key_directory', 'app_public.events']) {
    expect(await rows(`select 1 from ${table} t where t::text like '%' || $1 || '%'`, [secret])).toEqual([])
  }
  expect(
    await rows('select api_key_id from app_private.api_key_directory where key_hash = sha256(convert_to($1, $2))', [
      token,
      'utf8',
    ]),
  ).toEqual([{ api_key_id }])
})

test('a key belongs to one tenant', async () => {
  const { token } = await make(people.bob)
  expect(await use(token, undefined, 'acme')).toMatchObject({ tenant_id: people.tenants.acme.id })
  expect(await use(token, undefined, people.tenants.acme.id)).toMatchObject({ tenant_id: people.tenants.acme.id })
  for (const tenant of ['evil', people.tenants.evil.id, 'nowhere']) {
    expect(await refusal(use(token, undefined, tenant))).toEqual({ sqlstate: 'FH403', code: 'NOT_A_MEMBER' })
  }
  await rows('update app_public.tenants set is_active = false where id = $1', [people.tenants.acme.id])
  expect(await refusal(use(token))).toEqual(invalid)
  await rows('update app_public.tenants set is_active = true where id = $1', [people.tenants.acme.id])
  await rows('update app_public.users set is_active = false where id = $1', [people.bob.id])
  expect(await refusal(use(token))).toEqual(invalid)
  await rows('update app_public.users set is_active = true where id = $1', [people.bob.id])
  expect(await use(token)).toMatchObject({ user_id: people.bob.id })
})

const RANKS = ['billing', 'viewer', 'member', 'developer', 'admin', 'owner'] as const
const SCOPES = ['read', 'write', 'admin'] as const
const CAP = { read: 'viewer', write: 'developer', admin: 'admin' } as const

loop(
  'a key acts as the lesser of its widest scope and the rank of its owner, whatever both were when it was made',
  { short: 25, full: 400, of: 'keys' },
  async (count) => {
    const carol = await enrol(database, 'carol')
    await join(database, people.alice, carol, people.tenants.acme, 'owner')
    const rankCarol = (role: string) =>
      rows('update app_public.tenant_members set role = $1::app_public.member_role where user_id = $2', [
        role,
        carol.id,
      ])
    const rank = (role: string) => RANKS.indexOf(role as (typeof RANKS)[number])
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...RANKS),
        fc.constantFrom(...RANKS),
        fc.subarray([...SCOPES], { minLength: 1 }),
        async (made, used, scopes) => {
          await rankCarol(made)
          const cap = CAP[SCOPES.findLast((scope) => scopes.includes(scope))!]
          const result = make(carol, { scopes })
          if (rank(cap) > rank(made)) {
            expect(await refusal(result)).toMatchObject({ sqlstate: 'FH403', code: 'FORBIDDEN' })
            await rankCarol('owner')
          }
          const { token } = rank(cap) > rank(made) ? await make(carol, { scopes }) : await result
          await rankCarol(used)
          const claims = await use(token)
          expect(claims.member_role).toBe(RANKS[Math.min(rank(cap), rank(used))])
          expect(claims.scopes).toBe(SCOPES.filter((scope) => scopes.includes(scope)).join(','))
        },
      ),
      { numRuns: count },
    )
    await rankCarol('viewer')
  },
)

test('scopes bind what a key may do', async () => {
  const read = (await make(people.alice, { scopes: ['read'] })).token
  const write = (await make(people.alice, { scopes: ['write'] })).token
  const admin = (await make(people.alice, { scopes: ['admin'] })).token
  const deploy = (token: string) =>
    ask(database, token, 'select id from app_public.request_deployment($1, ref => $$main$$)', [project])
  const invite = (token: string) => ask(database, token, `select * from app_public.invite_member('x@example.test')`)
  expect(await ask(database, read, 'select slug from app_public.projects')).toEqual([{ slug: 'shop' }])
  expect(await refusal(deploy(read))).toMatchObject({ sqlstate: 'FH403', code: 'FORBIDDEN', required: 'developer' })
  expect(await deploy(write)).toHaveLength(1)
  expect(await refusal(invite(write))).toMatchObject({ sqlstate: 'FH403', required: 'admin' })
  expect(await invite(admin)).toHaveLength(1)
  expect(
    await refusal(ask(database, admin, 'select app_public.transfer_ownership($1)', [people.bob.id])),
  ).toMatchObject({ sqlstate: 'FH401' })
})

test('nobody makes a key above their rank, and billing makes none', async () => {
  expect(await refusal(make(people.vera, { scopes: ['write'] }))).toEqual({
    sqlstate: 'FH403',
    code: 'FORBIDDEN',
    role: 'viewer',
  })
  expect(await refusal(make(people.vera, { scopes: ['read', 'admin'] }))).toMatchObject({ sqlstate: 'FH403' })
  expect(await refusal(make(people.bill))).toMatchObject({ sqlstate: 'FH403', required: 'viewer' })
  expect(await make(people.vera)).toMatchObject({ token: expect.any(String) })
  expect(await refusal(make(people.bob, { scopes: [] }))).toEqual({ sqlstate: '23514', code: 'api_keys_scopes_check' })
})

test('permissions narrow a key to what they list', async () => {
  const { token } = await make(people.bob, { scopes: ['write'], permissions: '["deployments:write"]' })
  const wide = (await make(people.bob, { scopes: ['write'] })).token
  expect(
    await ask(database, token, 'select id from app_public.request_deployment($1, ref => $$main$$)', [project]),
  ).toHaveLength(1)
  const unarchive = (bearer: string) =>
    ask(database, bearer, 'select slug from app_public.unarchive_project($1)', [project])
  expect(await refusal(unarchive(token))).toMatchObject({ sqlstate: 'FH403', permission: 'projects:write' })
  expect(await unarchive(wide)).toEqual([{ slug: 'shop' }])
})

test('a key narrowed to a project sees and deploys that one only', async () => {
  const other = await newProject('other')
  const { token } = await make(people.bob, { scopes: ['write'], project_id: other })
  const wide = (await make(people.bob, { scopes: ['write'] })).token
  const slugs = async (bearer: string) =>
    (await ask(database, bearer, 'select slug from app_public.projects order by slug')).map((row) => row.slug)
  expect(await slugs(token)).toEqual(['other'])
  expect(await slugs(wide)).toEqual(['other', 'shop'])
  const deploy = (bearer: string, id: string) =>
    askOne(database, bearer, 'select id from app_public.request_deployment($1, ref => $$main$$)', [id])
  const notFound = { sqlstate: 'FH404', code: 'PROJECT_NOT_FOUND' }
  expect(await refusal(deploy(token, project))).toEqual(notFound)
  const { id } = await deploy(wide, project)
  expect(
    await refusal(ask(database, token, `select * from app_public.transition_deployment($1, 'canceled')`, [id])),
  ).toEqual({ sqlstate: 'FH404', code: 'DEPLOYMENT_NOT_FOUND' })
  expect(await deploy(token, other)).toMatchObject({ id: expect.any(String) })
  // It takes work of its project only.
  const claims = await ask(
    database,
    token,
    `select d.project_id from app_public.claim_deployment('r') c join app_public.deployments d on d.id = c.deployment_id`,
  )
  expect(claims).toEqual([{ project_id: other }])
  expect(
    await ask(
      database,
      token,
      `select d.project_id from app_public.claim_deployment('r') c join app_public.deployments d on d.id = c.deployment_id`,
    ),
  ).toEqual([])
  expect(
    await ask(
      database,
      wide,
      `select d.project_id from app_public.claim_deployment('r') c join app_public.deployments d on d.id = c.deployment_id`,
    ),
  ).toHaveLength(1)
  const lair = (
    await askOne(
      database,
      people.mallory,
      `insert into app_public.projects (name, slug) values ('lair', 'lair') returning id`,
    )
  ).id
  expect(await refusal(make(people.bob, { project_id: lair }))).toEqual(notFound)
})

test('a key narrowed to an environment deploys there only', async () => {
  const web = await newProject('web')
  const environment = async (name: string) =>
    (await rows('select id from app_public.project_environments where project_id = $1 and name = $2', [web, name]))[0]
      .id
  const staging = await environment('staging')
  expect(await refusal(make(people.bob, { scopes: ['write'], environment_id: staging }))).toEqual({
    sqlstate: '23514',
    code: 'api_keys_environment_check',
  })
  expect(await refusal(make(people.bob, { scopes: ['write'], project_id: project, environment_id: staging }))).toEqual({
    sqlstate: '23503',
    code: 'api_keys_environment_id_fkey',
  })
  const { token } = await make(people.bob, { scopes: ['write'], project_id: web, environment_id: staging })
  const deploy = (bearer: string | Person, name: string) =>
    askOne(database, bearer, 'select * from app_public.request_deployment($1, $2, ref => $$main$$)', [web, name])
  expect(await refusal(deploy(token, 'production'))).toEqual({ sqlstate: 'FH404', code: 'ENVIRONMENT_NOT_FOUND' })
  const production = await deploy(people.bob, 'production')
  expect(
    await refusal(ask(database, token, `select app_public.transition_deployment($1, 'canceled')`, [production.id])),
  ).toEqual({ sqlstate: 'FH404', code: 'DEPLOYMENT_NOT_FOUND' })
  const mine = await deploy(token, 'staging')
  const claim = () =>
    ask(database, token, `select * from app_public.claim_deployment('r') c where c.deployment_id is not null`)
  const [claimed, ...others] = await claim()
  expect([claimed, ...others]).toMatchObject([{ deployment_id: mine.id }])
  expect(await claim()).toEqual([])
  await ask(database, token, `select app_public.transition_deployment($1, 'ready', lease_token => $2)`, [
    mine.id,
    claimed.lease_token,
  ])
  expect(
    await refusal(ask(database, token, `select app_public.promote_deployment($1, 'production')`, [mine.id])),
  ).toEqual({ sqlstate: 'FH404', code: 'ENVIRONMENT_NOT_FOUND' })
  expect(
    await ask(database, people.bob, `select commit_sha from app_public.promote_deployment($1, 'production')`, [
      mine.id,
    ]),
  ).toHaveLength(1)
})

test('a key expires', async () => {
  expect(await refusal(make(people.bob, { expires_at: new Date(Date.now() - 1000) }))).toEqual({
    sqlstate: 'FH400',
    code: 'EXPIRY_IN_THE_PAST',
  })
  const { token, api_key_id } = await make(people.bob, { expires_at: new Date(Date.now() + 3_600_000) })
  expect(await use(token)).toMatchObject({ cacheable: false })
  await rows('update app_public.api_keys set expires_at = now() where id = $1', [api_key_id])
  expect(await refusal(use(token))).toEqual(invalid)
})

test('its owner and admins revoke a key, at once, others do not know it', async () => {
  const { token, api_key_id } = await make(people.bob)
  const revoke = (who: Person) => askOne(database, who, 'select * from app_public.revoke_api_key($1)', [api_key_id])
  for (const who of [people.vera, people.mallory])
    expect(await refusal(revoke(who))).toEqual({ sqlstate: 'FH404', code: 'API_KEY_NOT_FOUND' })
  expect(await use(token)).toMatchObject({ api_key_id })
  const revocations = await listen(database, 'auth_revoked')
  const { revoked_at } = await revoke(people.alice)
  expect(await revocations.heard()).toEqual([api_key_id])
  await revocations.close()
  expect(await refusal(use(token))).toEqual(invalid)
  expect((await revoke(people.bob)).revoked_at).toEqual(revoked_at)
})

test('a rotated key works on for its grace, beside a successor with the same rights', async () => {
  const old = await make(people.bob, {
    name: 'CI',
    scopes: ['write'],
    project_id: project,
    allowed_ips: ['192.0.2.0/24'],
    usage_limit: 1000,
    permissions: '["deployments:write"]',
  })
  const rotate = (who: Person, grace: string | null = '1 hour', id = old.api_key_id) =>
    askOne<Made>(database, who, 'select * from app_public.rotate_api_key($1, $2)', [id, grace])
  expect(await refusal(rotate(people.alice))).toMatchObject({ sqlstate: 'FH403', code: 'FORBIDDEN' })
  expect(await refusal(rotate(people.vera))).toMatchObject({ sqlstate: 'FH404', code: 'API_KEY_NOT_FOUND' })
  for (const grace of ['-1 second', '31 days', null])
    expect(await refusal(rotate(people.bob, grace))).toEqual({ sqlstate: 'FH400', code: 'GRACE_OUT_OF_RANGE' })
  const next = await rotate(people.bob)
  expect(next.token).not.toBe(old.token)
  const rights = `select name, scopes, permissions, project_id, environment_id, allowed_ips, usage_limit, rate_limit_per_minute, expires_at, user_id
    from app_public.api_keys where id = $1`
  expect(await rows(rights, [next.api_key_id])).toEqual(await rows(rights, [old.api_key_id]))
  const strip = (claims: object) => ({ ...claims, api_key_id: '', expires_at: null })
  expect(strip(await use(old.token))).toEqual(strip(await use(next.token)))
  expect(await refusal(rotate(people.bob))).toEqual({ sqlstate: 'FH409', code: 'API_KEY_RETIRED' })
  await rows('update app_public.api_keys set grace_expires_at = now() where id = $1', [old.api_key_id])
  expect(await refusal(use(old.token))).toEqual(invalid)
  const last = await rotate(people.bob, '0', next.api_key_id)
  expect(await refusal(use(next.token))).toEqual(invalid)
  expect(await use(last.token)).toMatchObject({ api_key_id: last.api_key_id })
})

test('a key may be bound to addresses', async () => {
  const { token } = await make(people.bob, { allowed_ips: ['192.0.2.0/28', '2001:db8::/32'] })
  for (const ip of ['192.0.2.15', '2001:db8::1'])
    expect(await use(token, ip)).toMatchObject({ user_id: people.bob.id, cacheable: false })
  for (const ip of ['192.0.2.16', '2001:db9::1', null])
    expect(await refusal(authenticate(database, { token, ip }))).toEqual({ sqlstate: 'FH403', code: 'IP_NOT_ALLOWED' })
})

test('a usage limit is exact however many ask at once', async () => {
  const { token, api_key_id } = await make(people.bob, { usage_limit: 7 })
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => use(token)))
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(7)
  for (const result of results)
    if (result.status === 'rejected')
      expect(await refusal(Promise.reject(result.reason))).toEqual({ sqlstate: 'FH429', code: 'USAGE_LIMIT_REACHED' })
  expect(await rows('select usage_count::integer from app_public.api_keys where id = $1', [api_key_id])).toEqual([
    { usage_count: 7 },
  ])
})

test('a rate limit counts a minute, for each key apart', async () => {
  const [limited, other] = [
    await make(people.bob, { rate_limit_per_minute: 3 }),
    await make(people.bob, { rate_limit_per_minute: 3 }),
  ]
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => use(limited.token)))
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(3)
  expect(await refusal(use(limited.token))).toEqual({ sqlstate: 'FH429', code: 'RATE_LIMITED', retryAfterSeconds: 60 })
  expect(await use(other.token)).toMatchObject({ cacheable: false })
  await rows(
    `update app_private.rate_limits set window_start = window_start - interval '1 minute' where subject_id = $1`,
    [limited.api_key_id],
  )
  expect(await use(limited.token)).toMatchObject({ api_key_id: limited.api_key_id })
})

test('only what an answer can not outlive is cacheable', async () => {
  expect(await use((await make(people.bob)).token)).toMatchObject({ cacheable: true })
  for (const args of [
    { usage_limit: 5 },
    { rate_limit_per_minute: 5 },
    { allowed_ips: ['192.0.2.1'] },
    { expires_at: new Date(Date.now() + 60_000) },
  ]) {
    expect(await use((await make(people.bob, args)).token)).toMatchObject({ cacheable: false })
  }
})
