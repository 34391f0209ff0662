import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { enrol, mailedToken, namedPeople, type Person } from '../../../support/people.ts'
import { ask, askOne, authenticate } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'
import { until } from '../../../support/until.ts'

let database: TestDatabase
let people: Awaited<ReturnType<typeof namedPeople>>
beforeAll(async () => {
  database = await testDatabase()
  people = await namedPeople(database)
})
afterAll(() => database.close())

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows
const acme = (person: Person) => ({ token: person.token, tenant: 'acme' })
const invite = (by: Person, email: string, role = 'member') =>
  askOne(database, acme(by), 'select (i.tenant_member).* from app_public.invite_member($1, $2) i', [email, role])
/** Why an invitation is refused; the answer, not an error, so that the count stays. */
const notInvited = async (by: Person, email: string, role = 'member') =>
  (await askOne(database, acme(by), 'select refusal from app_public.invite_member($1, $2)', [email, role])).refusal
/** Whether Acme lets whoever holds the token accept. */
const acceptFromAnywhere = (isAllowed: boolean) =>
  ask(
    database,
    acme(people.alice),
    `update app_public.tenants set settings = settings || $1 where slug = 'acme' returning id`,
    [{ invitations_for_any_address: isAllowed }],
  )
const notFound = { sqlstate: 'FH404', code: 'INVITATION_NOT_FOUND' }
const forAnother = { sqlstate: 'FH403', code: 'INVITATION_FOR_ANOTHER_ADDRESS' }
const alreadyMember = { sqlstate: 'FH409', code: 'ALREADY_MEMBER', message: 'That person is a member already' }
const accept = (who: Person, token: string) =>
  askOne(database, who, 'select * from app_public.accept_invitation($1)', [token])
const tokenOf = (email: string) => mailedToken(database, 'invitation', email)
const isIn = (who: Person) =>
  authenticate(database, acme(who)).then(
    (claims) => claims.member_role,
    (error) => error.code,
  )

test('an invitation is mailed, accepted once, and lets in at the rank it names', async () => {
  const carol = await enrol(database, 'carol')
  const invited = await invite(people.alice, ` ${carol.email.toUpperCase()} `, 'developer')
  expect(invited).toMatchObject({
    user_id: null,
    role: 'developer',
    invitation_status: 'invited',
    invited_email: carol.email,
    invited_by_user_id: people.alice.id,
  })
  expect(
    await rows(`select details from app_private.emails where kind = 'invitation' and recipient = $1`, [carol.email]),
  ).toEqual([{ details: { tenant: 'Acme', role: 'developer', invitedBy: 'alice' } }])
  expect(await isIn(carol)).toBe('FH403')
  const token = await tokenOf(carol.email)
  const member = await accept(carol, token)
  expect(member).toMatchObject({ id: invited.id, user_id: carol.id, role: 'developer', invitation_status: 'joined' })
  expect(await isIn(carol)).toBe('developer')
  // It was their first tenant.
  expect(await authenticate(database, carol)).toMatchObject({ tenant_id: people.tenants.acme.id })
  for (const who of [carol, people.nobody])
    expect(await refusal(accept(who, token))).toEqual({ sqlstate: 'FH409', code: 'INVITATION_USED' })
  expect(
    await rows(`select type, actor_user_id from app_public.events where subject_id = $1 order by created_at`, [
      member.id,
    ]),
  ).toEqual([
    { type: 'member.invited', actor_user_id: people.alice.id },
    { type: 'member.joined', actor_user_id: carol.id },
  ])
})

test('whoever is a member already is not invited, and does not join twice through another address', async () => {
  expect(await notInvited(people.alice, people.bob.email)).toEqual(alreadyMember)
  await acceptFromAnywhere(true)
  await invite(people.alice, 'bob@elsewhere.test', 'admin')
  const token = await tokenOf('bob@elsewhere.test')
  expect(await refusal(accept(people.bob, token))).toEqual({ sqlstate: 'FH409', code: 'ALREADY_MEMBER' })
  expect(await isIn(people.bob)).toBe('developer')
  const other = await enrol(database, 'second-bob')
  expect(await accept(other, token)).toMatchObject({ user_id: other.id, role: 'admin' })
  expect(await notInvited(people.alice, 'bob@elsewhere.test')).toEqual(alreadyMember)
  await acceptFromAnywhere(false)
})

test('an invitation is for the confirmed address that was invited, unless the tenant says otherwise', async () => {
  const [uma, vic] = [await enrol(database, 'uma'), await enrol(database, 'vic')]
  await invite(people.alice, uma.email)
  const token = await tokenOf(uma.email)
  expect(await refusal(accept(vic, token))).toEqual(forAnother)
  // An account of before, whose address nobody proved.
  await rows('update app_public.users set email_verified_at = null where id = $1', [uma.id])
  expect(await refusal(accept(uma, token))).toEqual(forAnother)
  await rows('update app_public.users set email_verified_at = now() where id = $1', [uma.id])
  expect(await accept(uma, token)).toMatchObject({ user_id: uma.id })

  await invite(people.alice, 'anybody@example.test')
  const forwarded = await tokenOf('anybody@example.test')
  expect(await refusal(accept(vic, forwarded))).toEqual(forAnother)
  await acceptFromAnywhere(true)
  expect(await accept(vic, forwarded)).toMatchObject({ user_id: vic.id })
  await acceptFromAnywhere(false)
})

describe('an invitation falls', () => {
  const hostOf = async (name: string, role: string) => {
    const host = await enrol(database, name)
    await invite(people.alice, host.email, role)
    await accept(host, await tokenOf(host.email))
    return host
  }
  test.each<[string, string, string, (host: Person) => Promise<unknown>, (host: Person) => Promise<unknown>]>([
    [
      'while they are below the rank that invites',
      'admin',
      'viewer',
      (host) => ask(database, acme(people.alice), `select app_public.change_member_role($1, 'developer')`, [host.id]),
      (host) => ask(database, acme(people.alice), `select app_public.change_member_role($1, 'admin')`, [host.id]),
    ],
    [
      'while they are below the rank that it gives',
      'owner',
      'owner',
      (host) => ask(database, acme(people.alice), `select app_public.change_member_role($1, 'admin')`, [host.id]),
      (host) => ask(database, acme(people.alice), `select app_public.change_member_role($1, 'owner')`, [host.id]),
    ],
    [
      'while they are suspended',
      'admin',
      'member',
      (host) => rows('update app_public.users set is_active = false where id = $1', [host.id]),
      (host) => rows('update app_public.users set is_active = true where id = $1', [host.id]),
    ],
    [
      'when they were removed',
      'admin',
      'member',
      (host) => ask(database, acme(people.alice), 'select app_public.remove_member($1)', [host.id]),
      async (host) => {
        await invite(people.alice, host.email, 'admin')
        await accept(host, await tokenOf(host.email))
      },
    ],
  ])('with its sender: %s', async (what, rank, invited, fall, rise) => {
    const tag = what.replaceAll(/[^a-z]/g, '-')
    const host = await hostOf(`host-${tag}`, rank)
    const guest = await enrol(database, `guest-${tag}`)
    await invite(host, guest.email, invited)
    const token = await tokenOf(guest.email)
    await fall(host)
    expect(await refusal(accept(guest, token))).toEqual(notFound)
    expect(await refusal(ask(database, null, 'select app_public.decline_invitation($1)', [token]))).toEqual(notFound)
    expect(await isIn(guest)).toBe('FH403')
    await rise(host)
    expect(await accept(guest, token)).toMatchObject({ role: invited })
  })

  test('also when its sender loses their rank while it is being accepted', async () => {
    const host = await hostOf('host-in-a-race', 'admin')
    const guest = await enrol(database, 'guest-in-a-race')
    await invite(host, guest.email)
    const token = await tokenOf(guest.email)
    const client = await database.superuser.connect()
    await client.query('begin')
    await client.query(`update app_public.tenant_members set role = 'viewer' where user_id = $1`, [host.id])
    const accepting = refusal(accept(guest, token))
    await until(
      async () =>
        (await rows(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`))
          .length > 0,
    )
    await client.query('commit')
    client.release()
    expect(await accepting).toEqual(notFound)
    expect(await isIn(guest)).toBe('FH403')
  })
})

describe('invitations are counted, whatever comes of them', () => {
  const count = async (subject: string) =>
    (
      await rows(`select count from app_private.rate_limits where subject_type = 'invite' and subject_id = $1`, [
        subject,
      ])
    )[0]?.count ?? 0
  const setCount = (subject: string, to: number) =>
    rows(`update app_private.rate_limits set count = $2 where subject_type = 'invite' and subject_id = $1`, [
      subject,
      to,
    ])

  test('by tenant and by origin, and refused beyond', async () => {
    const { id } = people.tenants.acme
    for (const subject of [id, '10.0.0.1']) {
      const before = await count(subject)
      for (let i = 0; i < 4; i += 1) expect(await notInvited(people.alice, people.bob.email)).toEqual(alreadyMember)
      expect(await count(subject)).toBe(before + 4)
      await setCount(subject, 1000)
      for (const email of [people.bob.email, 'unheard-of@example.test'])
        expect(await notInvited(people.alice, email)).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 3600 })
      await setCount(subject, 0)
    }
    expect(await invite(people.alice, 'unheard-of@example.test')).toMatchObject({ invitation_status: 'invited' })
  })

  test('by recipient: a tenant is told of its own, and of the others nobody is told, nor is mail sent', async () => {
    const email = 'popular@example.test'
    const mails = async () => (await rows('select from app_private.emails where recipient = $1', [email])).length
    for (let i = 0; i < 10; i += 1) await invite(people.alice, email)
    expect(await notInvited(people.alice, email)).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 86400 })
    expect(await mails()).toBe(10)
    await setCount(email, 20)
    const byMallory = await askOne(
      database,
      people.mallory,
      'select (i.tenant_member).invitation_status, i.refusal from app_public.invite_member($1) i',
      [email],
    )
    expect(byMallory).toEqual({ invitation_status: 'invited', refusal: null })
    expect(await mails()).toBe(10)
  })
})

test('who makes an owner, or touches one, has proved lately who they are', async () => {
  const [ola, pam] = [await enrol(database, 'ola'), await enrol(database, 'pam')]
  for (const guest of [ola, pam]) {
    await invite(people.alice, guest.email, 'admin')
    await accept(guest, await tokenOf(guest.email))
  }
  const acts = [
    [`app_public.change_member_role($1, 'owner')`, pam.id],
    ['app_public.transfer_ownership($1)', pam.id],
    [`app_public.change_member_role($1, 'owner')`, people.alice.id],
  ] as const
  const age = () =>
    rows(
      `update app_public.sessions set created_at = created_at - interval '16 minutes', reauthenticated_at = null where user_id = $1`,
      [people.alice.id],
    )
  await age()
  for (const [call, id] of acts)
    expect(await refusal(ask(database, acme(people.alice), `select ${call}`, [id]))).toEqual({
      sqlstate: 'FH403',
      code: 'REAUTHENTICATION_REQUIRED',
      withinSeconds: 900,
    })
  expect(await refusal(invite(people.alice, 'x@example.test', 'owner'))).toMatchObject({
    code: 'REAUTHENTICATION_REQUIRED',
  })
  // What makes no owner goes on.
  await ask(database, acme(people.alice), `select app_public.change_member_role($1, 'viewer')`, [ola.id])
  expect(
    await askOne(database, people.alice, 'select * from app_public.reauthenticate($1)', ['not hers']),
  ).toMatchObject({
    refusal: { code: 'INVALID_CREDENTIALS' },
  })
  expect(
    await refusal(ask(database, acme(people.alice), 'select app_public.transfer_ownership($1)', [pam.id])),
  ).toMatchObject({
    code: 'REAUTHENTICATION_REQUIRED',
  })
  expect(
    await askOne(database, people.alice, 'select * from app_public.reauthenticate($1)', [people.alice.password]),
  ).toEqual({
    is_done: true,
    refusal: null,
  })
  await ask(database, acme(people.alice), `select app_public.change_member_role($1, 'owner')`, [pam.id])
  await ask(database, acme(people.alice), `select app_public.change_member_role($1, 'viewer')`, [pam.id])
  await ask(database, acme(people.alice), 'select app_public.transfer_ownership($1)', [people.alice.id])
})

test('a declined invitation is over; nobody needs to log in to decline', async () => {
  const dora = await enrol(database, 'dora')
  await invite(people.alice, dora.email)
  const token = await tokenOf(dora.email)
  const decline = (value: string) => askOne(database, null, 'select * from app_public.decline_invitation($1)', [value])
  expect(await refusal(decline('fh_invite_nonsense'))).toEqual({ sqlstate: 'FH404', code: 'INVITATION_NOT_FOUND' })
  expect(await decline(token)).toEqual({ is_done: true, refusal: null })
  expect(await refusal(accept(dora, token))).toEqual({ sqlstate: 'FH409', code: 'INVITATION_USED' })
  expect(await refusal(decline(token))).toEqual({ sqlstate: 'FH409', code: 'INVITATION_USED' })
  expect(await isIn(dora)).toBe('FH403')
  // Asked again, they may think again.
  await invite(people.alice, dora.email)
  await accept(dora, await tokenOf(dora.email))
  expect(await isIn(dora)).toBe('member')
})

test('an expired invitation lets nobody in, before and after the sweep marks it', async () => {
  const erin = await enrol(database, 'erin')
  const { id } = await invite(people.alice, erin.email)
  const token = await tokenOf(erin.email)
  await rows('update app_public.tenant_members set invitation_expires_at = now() where id = $1', [id])
  expect(await refusal(accept(erin, token))).toEqual({ sqlstate: 'FH410', code: 'INVITATION_EXPIRED' })
  await database.worker.query('select app_private.sweep_expired()')
  expect(await rows('select invitation_status as status from app_public.tenant_members where id = $1', [id])).toEqual([
    { status: 'expired' },
  ])
  await expect(accept(erin, token)).rejects.toMatchObject({ code: expect.stringMatching(/^FH4(09|10)$/) })
  await invite(people.alice, erin.email)
  expect(await accept(erin, await tokenOf(erin.email))).toMatchObject({ id, user_id: erin.id })
})

test('a withdrawn invitation is unknown; only admins withdraw, and only what is open', async () => {
  const fay = await enrol(database, 'fay')
  const { id } = await invite(people.alice, fay.email)
  const token = await tokenOf(fay.email)
  const withdraw = (by: Person, member: string) =>
    ask(database, acme(by), 'select app_public.withdraw_invitation($1)', [member])
  expect(await refusal(withdraw(people.bob, id))).toMatchObject({
    sqlstate: 'FH403',
    code: 'FORBIDDEN',
    required: 'admin',
  })
  expect(await refusal(ask(database, people.mallory, 'select app_public.withdraw_invitation($1)', [id]))).toEqual(
    notFound,
  )
  await withdraw(people.alice, id)
  expect(await refusal(accept(fay, token))).toEqual(notFound)
  expect(await refusal(withdraw(people.alice, id))).toEqual(notFound)
  const [{ id: bobs }] = await rows('select id from app_public.tenant_members where user_id = $1', [people.bob.id])
  expect(await refusal(withdraw(people.alice, bobs))).toEqual(notFound)
  expect(await isIn(people.bob)).toBe('developer')
})

test('asking again replaces the token and the rank', async () => {
  const gil = await enrol(database, 'gil')
  const first = await invite(people.alice, gil.email, 'viewer')
  const old = await tokenOf(gil.email)
  const second = await invite(people.alice, gil.email, 'developer')
  expect(second.id).toBe(first.id)
  expect(await refusal(accept(gil, old))).toEqual({ sqlstate: 'FH404', code: 'INVITATION_NOT_FOUND' })
  expect(await accept(gil, await tokenOf(gil.email))).toMatchObject({ role: 'developer' })
})

test('nobody invites above their own rank, and below admin nobody invites', async () => {
  const admin = await enrol(database, 'hank')
  await invite(people.alice, admin.email, 'admin')
  await accept(admin, await tokenOf(admin.email))
  for (const who of [people.bob, people.vera, people.bill]) {
    expect(await refusal(invite(who, 'x@example.test', 'billing'))).toMatchObject({
      sqlstate: 'FH403',
      code: 'FORBIDDEN',
    })
  }
  expect(await refusal(invite(admin, 'x@example.test', 'owner'))).toEqual({
    sqlstate: 'FH403',
    code: 'FORBIDDEN',
    role: 'admin',
  })
  for (const role of ['billing', 'viewer', 'member', 'developer', 'admin'])
    expect(await invite(admin, 'x@example.test', role)).toMatchObject({ role })
  expect(await invite(people.alice, 'x@example.test', 'owner')).toMatchObject({ role: 'owner' })
})

test('two people with one token: one gets in', async () => {
  const [ivy, jo] = [await enrol(database, 'ivy'), await enrol(database, 'jo')]
  await acceptFromAnywhere(true)
  await invite(people.alice, ivy.email)
  const token = await tokenOf(ivy.email)
  const results = await Promise.allSettled([accept(ivy, token), accept(jo, token), accept(people.nobody, token)])
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
  expect((await Promise.all([ivy, jo, people.nobody].map(isIn))).filter((role) => role === 'member')).toHaveLength(1)
})

test.each(['the same', 'another'])(
  'who was removed is asked back through %s address, and has their old row and no old key',
  async (address) => {
    const name = address === 'another' ? 'kim' : 'lee'
    const guest = await enrol(database, name)
    await acceptFromAnywhere(address === 'another')
    const email = address === 'another' ? `${name}@elsewhere.test` : guest.email
    await invite(people.alice, guest.email, 'developer')
    const before = await accept(guest, await tokenOf(guest.email))
    const { token: key } = await askOne(
      database,
      acme(guest),
      `select * from app_public.create_api_key('mine', '{write}')`,
    )
    await expect(authenticate(database, key)).resolves.toMatchObject({ user_id: guest.id })
    await ask(database, acme(people.alice), 'select app_public.remove_member($1)', [guest.id])
    expect(await isIn(guest)).toBe('FH403')

    await invite(people.alice, email, 'viewer')
    expect(await isIn(guest)).toBe('FH403')
    const token = await tokenOf(email)
    expect(await accept(guest, token)).toMatchObject({
      id: before.id,
      user_id: guest.id,
      role: 'viewer',
      invitation_status: 'joined',
      invited_email: email,
    })
    expect(await isIn(guest)).toBe('viewer')
    await expect(authenticate(database, key)).rejects.toMatchObject({ code: 'FH401' })
    expect(
      await rows('select count(*)::integer from app_public.tenant_members where user_id = $1', [guest.id]),
    ).toEqual([{ count: 1 }])
    await expect(accept(people.nobody, token)).rejects.toMatchObject({ code: expect.stringMatching(/^FH40[49]$/) })
  },
)

test('an invitation to a former member may be taken up by somebody else', async () => {
  await acceptFromAnywhere(true)
  const [max, ned] = [await enrol(database, 'max'), await enrol(database, 'ned')]
  await invite(people.alice, max.email)
  await accept(max, await tokenOf(max.email))
  await ask(database, acme(max), `select app_public.create_api_key('mine', '{read}')`)
  await ask(database, acme(max), 'select app_public.leave_tenant()')
  await invite(people.alice, max.email)
  expect(await accept(ned, await tokenOf(max.email))).toMatchObject({ user_id: ned.id, role: 'member' })
  expect(await isIn(ned)).toBe('member')
  expect(await isIn(max)).toBe('FH403')
})
