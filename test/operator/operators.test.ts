import { act, makeOperator } from '../../src/operator/acts.ts'
import type { FunctionName, Given, Result } from '../../src/db/call.ts'
import { ask, askOne, authenticate } from '../support/ask.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { enrol, found, join, namedPeople, type Person } from '../support/people.ts'
import { refusal } from '../support/refusal.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
let root: Person

const ORIGIN = { userAgent: 'npm run operator, test' }
const rows = async (sql: string, values: readonly unknown[] = []) =>
  (await database.superuser.query(sql, [...values])).rows
const as = <Name extends FunctionName>(person: Person, name: Name, ...given: Given<Name>): Promise<Result<Name>> =>
  act(database.owner, person.token, ORIGIN, name, ...given)
const codeOf = async (promise: Promise<unknown>) => (await refusal(promise)).code
const logOf = (tenant: string) =>
  rows(
    `select action, user_id, details, user_agent from app_public.audit_logs
     where tenant_id = $1 and action like 'operator.%' order by id`,
    [tenant],
  )
const mails = (kind: string) =>
  rows(
    `select recipient, details, app_private.decrypt_secret(token) as token from app_private.emails where kind = $1 order by id`,
    [kind],
  )

/** An operator as the platform knows one: made by the owner of the database, with a second factor. */
async function operator(name: string): Promise<Person> {
  const person = await enrol(database, name)
  await makeOperator(database.owner, ORIGIN, person.email, true)
  await database.superuser.query('update app_public.users set two_factor_enabled = true where id = $1', [person.id])
  return person
}

beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
  root = await operator('root')
})
afterAll(() => database.close())

describe('who is an operator', () => {
  const suspend = (person: Person) =>
    as(person, 'app_private.suspend_tenant', { tenant: 'evil', reason: 'to see whether they may' })

  test('an owner of a tenant is not, nor who was one, nor one without a second factor, or who is suspended', async () => {
    expect(await codeOf(suspend(people.alice))).toBe('NOT_AN_OPERATOR')
    const former = await operator('former')
    await makeOperator(database.owner, ORIGIN, former.email, false)
    expect(await codeOf(suspend(former))).toBe('NOT_AN_OPERATOR')
    const careless = await operator('careless')
    await database.superuser.query('update app_public.users set two_factor_enabled = false where id = $1', [
      careless.id,
    ])
    expect(await codeOf(suspend(careless))).toBe('MFA_REQUIRED')
    const gone = await operator('gone')
    await as(root, 'app_private.suspend_user', { person: gone.email, reason: 'left the company' })
    expect(await codeOf(suspend(gone))).toBe('UNAUTHENTICATED')
    expect(await suspend(root)).toMatchObject({ slug: 'evil', is_active: false })
    await as(root, 'app_private.restore_tenant', { tenant: 'evil', reason: 'they may' })
  })

  test('must have logged in lately', async () => {
    const late = await operator('late')
    await database.superuser.query(
      `update app_public.sessions set created_at = now() - interval '16 minutes' where user_id = $1`,
      [late.id],
    )
    expect(await codeOf(suspend(late))).toBe('REAUTHENTICATION_REQUIRED')
  })

  test('claims alone make nobody one: the session is looked at', async () => {
    const client = await database.owner.connect()
    try {
      await client.query('begin')
      await client.query(
        `select set_config('app.user_id', $1, true), set_config('app.session_id', uuidv7()::text, true)`,
        [root.id],
      )
      await client.query('set local role app_operator')
      expect(await codeOf(client.query(`select app_private.suspend_tenant('evil', 'forged')`))).toBe('NOT_AN_OPERATOR')
    } finally {
      await client.query('rollback')
      client.release()
    }
  })

  test('the API calls none of their functions, and they read no table', async () => {
    expect(await refusal(ask(database, root, `select app_private.suspend_tenant('evil', 'by the API')`))).toMatchObject(
      { sqlstate: '42501' },
    )
    const client = await database.owner.connect()
    try {
      await client.query('begin; set local role app_operator')
      expect(await refusal(client.query('select from app_public.tenants'))).toMatchObject({ sqlstate: '42501' })
    } finally {
      await client.query('rollback')
      client.release()
    }
    await expect(database.authenticator.query('begin; set local role app_operator; rollback')).rejects.toMatchObject({
      code: '42501',
    })
    await database.authenticator.query('rollback')
  })

  test('says why, in words', async () => {
    expect(await codeOf(as(root, 'app_private.suspend_tenant', { tenant: 'evil', reason: ' ' }))).toBe(
      'REASON_REQUIRED',
    )
    expect(await codeOf(as(root, 'app_private.suspend_user', { person: root.email, reason: 'tired' }))).toBe(
      'OPERATOR_IS_NEEDED',
    )
    expect(await codeOf(as(root, 'app_private.suspend_user', { person: 'who@where.test', reason: 'test' }))).toBe(
      'USER_NOT_FOUND',
    )
    expect(await codeOf(as(root, 'app_private.suspend_tenant', { tenant: 'nowhere', reason: 'test' }))).toBe(
      'TENANT_NOT_FOUND',
    )
  })
})

describe('a person', () => {
  test('who is suspended is out at once, with sessions and keys; restored, their keys work and they log in anew', async () => {
    const carl = await enrol(database, 'carl')
    await join(database, people.alice, carl, people.tenants.acme, 'developer')
    const { token: key } = await askOne(
      database,
      { token: carl.token, tenant: 'acme' },
      `select token from app_public.create_api_key('carl', '{read}')`,
    )
    const logIn = () =>
      askOne(database, null, 'select token, refusal from app_public.login($1, $2)', [carl.email, carl.password])
    expect((await authenticate(database, key)).user_id).toBe(carl.id)

    await as(root, 'app_private.suspend_user', { person: carl.email, reason: 'stolen laptop' })
    expect(await codeOf(authenticate(database, carl))).toBe('UNAUTHENTICATED')
    expect(await codeOf(authenticate(database, key))).toBe('UNAUTHENTICATED')
    expect((await logIn()).refusal.code).toBe('INVALID_CREDENTIALS')

    await as(root, 'app_private.restore_user', { person: carl.id, reason: 'laptop found' })
    expect((await authenticate(database, key)).user_id).toBe(carl.id)
    expect(await codeOf(authenticate(database, carl))).toBe('UNAUTHENTICATED')
    expect((await authenticate(database, (await logIn()).token)).user_id).toBe(carl.id)
    const [suspended] = await rows(
      `select user_id, resource_id, details, user_agent from app_public.audit_logs where action = 'operator.user_suspended' and resource_id = $1`,
      [carl.id],
    )
    expect(suspended).toEqual({
      user_id: root.id,
      resource_id: carl.id,
      details: { reason: 'stolen laptop', operator: 'root' },
      user_agent: ORIGIN.userAgent,
    })
  })

  test('gets another address only when that is proved, and is told at the old one', async () => {
    const dora = await enrol(database, 'dora')
    const change = (email: string) =>
      as(root, 'app_private.change_user_email', { person: dora.email, email, reason: 'married' })
    expect(await codeOf(change(people.bob.email))).toBe('EMAIL_TAKEN')
    await change('old@married.test')
    const [earlier] = await mails('change_email')
    await change('Dora@Married.test')
    const address = async () =>
      (await rows('select email, email_verified from app_public.users where id = $1', [dora.id]))[0]
    expect(await address()).toMatchObject({ email: dora.email })
    const [, mail] = await mails('change_email')
    expect([earlier.recipient, mail.recipient]).toEqual(['old@married.test', 'dora@married.test'])
    expect((await mails('email_changing')).map((each) => each.recipient)).toEqual([dora.email, dora.email])

    const confirm = (token: string) => ask(database, null, 'select * from app_public.confirm_email($1)', [token])
    expect(await codeOf(confirm(earlier.token))).toBe('TOKEN_NOT_VALID')
    // A token for one purpose is no good for another.
    expect(await codeOf(ask(database, null, 'select * from app_public.verify_email($1)', [mail.token]))).toBe(
      'TOKEN_NOT_VALID',
    )
    expect(await address()).toMatchObject({ email: dora.email })
    expect(await confirm(mail.token)).toMatchObject([{ is_done: true }])
    expect(await address()).toEqual({ email: 'dora@married.test', email_verified: true })
    expect(await codeOf(confirm(mail.token))).toBe('TOKEN_NOT_VALID')
  })

  test('gets another token to prove their address with, unless it is proved', async () => {
    const emma = await enrol(database, 'emma')
    await database.superuser.query('update app_public.users set email_verified_at = null where id = $1', [emma.id])
    await as(root, 'app_private.resend_verification', { person: emma.email })
    const sent = (await mails('verify_email')).filter((mail) => mail.recipient === emma.email)
    await ask(database, null, 'select * from app_public.verify_email($1)', [sent.at(-1).token])
    expect(await codeOf(as(root, 'app_private.resend_verification', { person: emma.email }))).toBe('ALREADY_VERIFIED')
  })
})

describe('a tenant', () => {
  test('that is closed refuses its people and keys, cancels, frees its slug, and can be restored', async () => {
    const fred = await enrol(database, 'fred')
    const shop = await found(database, fred, 'Shop', 'shop')
    const inside = { token: fred.token, tenant: 'shop' }
    const project = await askOne(
      database,
      inside,
      `insert into app_public.projects (name, slug) values ('pp', 'pp') returning id`,
    )
    const [pending] = await ask(
      database,
      inside,
      `select id from app_public.request_deployment($1, 'production', 'abcdef1')`,
      [project.id],
    )
    const { token: key } = await askOne(database, inside, `select token from app_public.create_api_key('k', '{admin}')`)
    await ask(database, inside, `select app_public.invite_member('guest@shop.test')`)
    const [invited] = (await mails('invitation')).filter((mail) => mail.recipient === 'guest@shop.test')
    await ask(database, inside, `select app_public.grant_operator_access('look', 1)`)

    expect(await codeOf(ask(database, inside, `select app_public.close_tenant('other')`))).toBe('NAME_DOES_NOT_MATCH')
    await as(root, 'app_private.close_tenant', { tenant: 'shop', reason: 'asked for by mail' })
    expect(await codeOf(authenticate(database, inside))).toBe('NOT_A_MEMBER')
    expect(await codeOf(authenticate(database, key))).toBe('UNAUTHENTICATED')
    // That it was closed is all they still see of it.
    expect(await ask(database, fred, 'select slug, is_deleted from app_public.tenants')).toEqual([
      { slug: 'shop', is_deleted: true },
    ])
    expect(await ask(database, fred, 'select from app_public.projects')).toEqual([])
    expect(await codeOf(ask(database, people.nobody, 'select app_public.accept_invitation($1)', [invited.token]))).toBe(
      'INVITATION_NOT_FOUND',
    )
    expect(await codeOf(as(root, 'app_private.enter_tenant', { tenant: shop.id, reason: 'curious' }))).toBe(
      'NOT_GRANTED',
    )
    expect(await rows('select status, status_reason from app_public.deployments where id = $1', [pending.id])).toEqual([
      { status: 'canceled', status_reason: 'The tenant was closed' },
    ])

    await as(root, 'app_private.restore_tenant', { tenant: shop.id, reason: 'they changed their mind' })
    expect((await authenticate(database, inside)).member_role).toBe('owner')
    expect((await authenticate(database, key)).tenant_id).toBe(shop.id)

    await as(root, 'app_private.close_tenant', { tenant: shop.id, reason: 'and again' })
    const heir = await found(database, people.nobody, 'Heir', 'shop')
    expect(await codeOf(as(root, 'app_private.restore_tenant', { tenant: shop.id, reason: 'too late' }))).toBe(
      'SLUG_TAKEN',
    )
    expect((await authenticate(database, { token: people.nobody.token, tenant: 'shop' })).tenant_id).toBe(heir.id)
    expect((await logOf(shop.id)).map(({ action }) => action)).toEqual([
      'operator.access_granted',
      'operator.tenant_closed',
      'operator.tenant_restored',
      'operator.tenant_closed',
    ])
    expect((await mails('operator_notice')).filter(({ recipient }) => recipient === fred.email)).toHaveLength(3)
  })

  test('is closed by its owner, who has proved lately who they are, and can then be erased', async () => {
    const gina = await enrol(database, 'gina')
    await found(database, gina, 'Solo', 'solo')
    const inside = { token: gina.token, tenant: 'solo' }
    const erase = () => ask(database, gina, 'select * from app_public.erase_user($1)', [gina.password])
    expect(await codeOf(erase())).toBe('LAST_OWNER')
    await database.superuser.query(
      `update app_public.sessions set created_at = now() - interval '16 minutes' where user_id = $1`,
      [gina.id],
    )
    expect(await codeOf(ask(database, inside, `select app_public.close_tenant('solo')`))).toBe(
      'REAUTHENTICATION_REQUIRED',
    )
    await database.superuser.query('update app_public.sessions set created_at = now() where user_id = $1', [gina.id])
    await ask(database, inside, `select app_public.close_tenant('solo')`)
    expect(await erase()).toMatchObject([{ is_done: true }])
    expect(await codeOf(as(root, 'app_private.restore_tenant', { tenant: 'solo', reason: 'nobody is left' }))).toBe(
      'LAST_OWNER',
    )
  })

  test('no admin closes it, nor lets operators in', async () => {
    const admin = await enrol(database, 'adam')
    await join(database, people.alice, admin, people.tenants.acme, 'admin')
    const inside = { token: admin.token, tenant: 'acme' }
    expect(await codeOf(ask(database, inside, `select app_public.close_tenant('acme')`))).toBe('FORBIDDEN')
    expect(await codeOf(ask(database, inside, `select app_public.grant_operator_access('help')`))).toBe('FORBIDDEN')
  })

  test('is listed with its size, page by page, as counting everything would have it', async () => {
    const listed: any[] = []
    for (let after: string | undefined; ; after = listed.at(-1).id) {
      const page = (await as(root, 'app_private.list_tenants', { page: 2, ...(after && { after }) })) as any[]
      if (page.length === 0) break
      listed.push(...page)
    }
    const counted = await rows(`
      select t.slug, t.id,
        (select count(*)::int from app_public.tenant_members m where m.tenant_id = t.id and m.invitation_status = 'joined') as members,
        (select count(*)::int from app_public.projects p where p.tenant_id = t.id and p.deleted_at is null) as projects,
        (select count(*)::int from app_public.deployments d join app_public.projects p on p.id = d.project_id
          where d.tenant_id = t.id and p.deleted_at is null) as deployments
      from app_public.tenants t order by t.id`)
    expect(
      listed.map(({ slug, id, members, projects, deployments }) => ({ slug, id, members, projects, deployments })),
    ).toEqual(counted)
    expect(counted.length).toBeGreaterThan(3)
    expect(listed.find(({ slug }) => slug === 'acme')).toMatchObject({ status: 'open' })
    expect(listed.filter(({ status }) => status === 'closed')).toHaveLength(2)
    expect(await codeOf(as(root, 'app_private.list_tenants', { page: 1000 }))).toBe('BAD_USER_INPUT')
  })
})

test('a list of tenants looks at no deployment, however many there are', async () => {
  const client = await database.superuser.connect()
  try {
    await client.query('begin')
    const scans = async () =>
      (
        await client.query(
          `select coalesce(sum(seq_scan + coalesce(idx_scan, 0)) filter (where relname = 'deployments'), 0)::int as deployments,
             coalesce(sum(seq_scan + coalesce(idx_scan, 0)) filter (where relname = 'projects'), 0)::int as projects
           from pg_stat_xact_user_tables`,
        )
      ).rows[0]
    const { session_id, user_id } = await authenticate(database, root)
    await client.query(`select set_config('app.session_id', $1, true), set_config('app.user_id', $2, true)`, [
      session_id,
      user_id,
    ])
    // What this connection did before may still be among the numbers.
    const before = await scans()
    await client.query(`select app_private.list_tenants()`)
    const after = await scans()
    expect(after.deployments).toBe(before.deployments)
    expect(after.projects).toBeGreaterThan(before.projects)
  } finally {
    await client.query('rollback')
    client.release()
  }
})

describe('looking into a tenant', () => {
  const inside = () => ({ token: root.token, tenant: 'acme' })
  const alice = () => ({ token: people.alice.token, tenant: 'acme' })
  const enter = (person = root) =>
    as(person, 'app_private.enter_tenant', { tenant: 'acme', reason: 'the build does not start' })
  const grant = () => askOne(database, alice(), `select id from app_public.grant_operator_access('builds hang', 2)`)

  test('needs the leave of an owner, is as a viewer reads, is written down, and ends', async () => {
    const secret = await askOne(
      database,
      alice(),
      `insert into app_public.projects (name, slug, visibility) values ('secret', 'secret', 'private') returning id`,
    )
    const open = await askOne(
      database,
      alice(),
      `insert into app_public.projects (name, slug, visibility) values ('open', 'open', 'public') returning id`,
    )
    expect(await codeOf(authenticate(database, inside()))).toBe('NOT_A_MEMBER')
    expect(await codeOf(enter())).toBe('NOT_GRANTED')
    const { id } = await grant()
    // Granted is not entered.
    expect(await codeOf(authenticate(database, inside()))).toBe('NOT_A_MEMBER')
    const before = (await logOf(people.tenants.acme.id)).length
    await enter()

    const claims = await authenticate(database, inside())
    expect(claims).toMatchObject({ member_role: 'viewer', cacheable: false, tenant_id: people.tenants.acme.id })
    const see = (sql: string) => ask(database, inside(), sql)
    expect(await see('select slug from app_public.projects')).toEqual([{ slug: 'open' }])
    expect(await see('select from app_public.webhook_sources')).toEqual([])
    expect(await see('select from app_public.api_keys')).toEqual([])
    expect(
      await see(
        'select from app_public.audit_logs where tenant_id = app_hidden.current_tenant_id() and user_id <> app_hidden.current_user_id()',
      ),
    ).toEqual([])
    for (const write of [
      `select app_public.create_api_key('k', '{read}')`,
      `select app_public.request_deployment('${open.id}')`,
      `select app_public.invite_member('x@x.test')`,
      `select app_public.grant_operator_access('myself', 100)`,
      `select app_public.close_tenant('acme')`,
    ])
      expect(await codeOf(see(write))).toBe('FORBIDDEN')
    expect(await codeOf(see('select app_public.leave_tenant()'))).toBe('MEMBER_NOT_FOUND')
    expect(await see(`update app_public.projects set description = 'x' returning 1`)).toEqual([])

    const log = (await logOf(people.tenants.acme.id)).slice(before)
    expect(log[0]).toMatchObject({
      action: 'operator.tenant_entered',
      user_id: root.id,
      details: { operator: 'root', reason: 'the build does not start' },
    })
    // One entry for each request above; the last of them changed nothing and is there too.
    expect(log.slice(1).map(({ action, user_id }) => [action, user_id])).toEqual(
      Array.from({ length: 12 }, () => ['operator.request', root.id]).slice(0, log.length - 1),
    )
    expect(log.length).toBeGreaterThanOrEqual(11)
    const [notice] = (await mails('operator_notice')).filter(({ details }) => details.act === 'operator.tenant_entered')
    expect(notice).toMatchObject({ recipient: people.alice.email, details: { operator: 'root' } })

    // One operator took it: another does not, and other tenants stay shut.
    const other = await operator('other')
    expect(await codeOf(enter(other))).toBe('NOT_GRANTED')
    expect(await codeOf(authenticate(database, { token: root.token, tenant: 'evil' }))).toBe('NOT_A_MEMBER')

    await ask(database, alice(), 'select app_public.revoke_operator_access($1)', [id])
    expect(await codeOf(authenticate(database, inside()))).toBe('NOT_A_MEMBER')
    expect(await codeOf(enter())).toBe('NOT_GRANTED')
    expect(await ask(database, alice(), 'select id from app_public.projects where id = $1', [secret.id])).toHaveLength(
      1,
    )
  })

  test('ends by its time, with the rank of the operator, and when the tenant is suspended', async () => {
    const { id } = await grant()
    const isIn = () =>
      authenticate(database, inside()).then(
        () => true,
        () => false,
      )
    await enter()
    expect(await isIn()).toBe(true)
    await database.superuser.query(`update app_public.operator_grants set expires_at = now() where id = $1`, [id])
    expect(await isIn()).toBe(false)
    await database.superuser.query(
      `update app_public.operator_grants set expires_at = now() + interval '1 hour' where id = $1`,
      [id],
    )
    expect(await isIn()).toBe(true)
    await makeOperator(database.owner, ORIGIN, root.email, false)
    expect(await isIn()).toBe(false)
    await makeOperator(database.owner, ORIGIN, root.email, true)
    await as(root, 'app_private.suspend_tenant', { tenant: 'acme', reason: 'test' })
    expect(await isIn()).toBe(false)
    await as(root, 'app_private.restore_tenant', { tenant: 'acme', reason: 'test' })
    expect(await isIn()).toBe(true)
  })
})
