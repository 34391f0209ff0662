import { generateSync } from 'otplib'
import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { ask, askOne, authenticate } from '../../../support/ask.ts'
import { listen } from '../../../support/listen.ts'
import { signUp, type Caller } from '../../../support/people.ts'
import { refusal } from '../../../support/refusal.ts'
import { stopClock, type Clock } from '../../../support/clock.ts'

const PASSWORD = 'correct horse'
const INVALID = {
  sqlstate: 'FH401',
  code: 'INVALID_CREDENTIALS',
  message: 'The address, the password or the code is wrong',
}
const CODE_REQUIRED = {
  sqlstate: 'FH401',
  code: 'CODE_REQUIRED',
  message: 'A one-time code or a recovery code is needed',
}

let database: TestDatabase
/** A code is good for a step of half a minute: between making and using it no time may pass. */
let clock: Clock
let revocations: Awaited<ReturnType<typeof listen>>
beforeAll(async () => {
  database = await testDatabase()
  clock = await stopClock(database)
  revocations = await listen(database, 'auth_revoked')
})
afterAll(async () => {
  await revocations.close()
  await database.close()
})

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows

let people = 0
async function newcomer() {
  const number = (people += 1)
  const email = `person${number}@example.test`
  const from: Caller = { token: null, ip: `198.51.100.${number}` }
  const { id } = await signUp(database, { email, password: PASSWORD, name: `Person ${number}` }, from)
  // What it logged in with is not of these tests.
  await ask(database, (await logIn(from, email)).token, 'select app_public.logout_everywhere()')
  const login = (code: string | null = null) => logIn(from, email, code)
  return { id, email, login }
}
const logIn = (from: Caller, email: string, code: string | null = null) =>
  askOne(database, from, 'select * from app_public.login($1, $2, $3)', [email, PASSWORD, code])

const isOpen = (token: string) =>
  authenticate(database, token).then(
    () => true,
    (error) => {
      expect(error.code).toBe('FH401')
      return false
    },
  )

describe('sessions end at once, and the servers are told', () => {
  test('logging out ends this session only', async () => {
    const person = await newcomer()
    const [here, there] = [await person.login(), await person.login()]
    expect([await isOpen(here.token), await isOpen(there.token)]).toEqual([true, true])
    await revocations.heard()
    expect(await askOne(database, here.token, 'select * from app_public.logout()')).toEqual({
      is_done: true,
      refusal: null,
    })
    expect(await revocations.heard()).toEqual([here.session_id])
    expect([await isOpen(here.token), await isOpen(there.token)]).toEqual([false, true])
  })

  test('logging out everywhere ends all sessions of the person and of nobody else', async () => {
    const person = await newcomer()
    const other = await (await newcomer()).login()
    const sessions = [await person.login(), await person.login(), await person.login()]
    await revocations.heard()
    await ask(database, sessions[1].token, 'select app_public.logout_everywhere()')
    expect((await revocations.heard()).sort()).toEqual(sessions.map((session) => session.session_id).sort())
    for (const session of sessions) expect(await isOpen(session.token)).toBe(false)
    expect(await isOpen(other.token)).toBe(true)
  })

  test('one session revokes another of the same person, not of someone else', async () => {
    const person = await newcomer()
    const [here, there] = [await person.login(), await person.login()]
    const other = await (await newcomer()).login()
    const revoke = (id: string) => ask(database, here.token, 'select app_public.revoke_session($1)', [id])
    expect(await refusal(revoke(other.session_id))).toEqual({ sqlstate: 'FH404', code: 'SESSION_NOT_FOUND' })
    expect(await isOpen(other.token)).toBe(true)
    await revocations.heard()
    await revoke(there.session_id)
    expect(await revocations.heard()).toEqual([there.session_id])
    expect([await isOpen(here.token), await isOpen(there.token)]).toEqual([true, false])
    expect(await refusal(revoke(there.session_id))).toEqual({ sqlstate: 'FH404', code: 'SESSION_NOT_FOUND' })
  })

  test('an account that is shut off or closed has no open session, and gets them back when it is let in again', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    await revocations.heard()
    for (const [shut, open] of [
      ['is_active = false', 'is_active = true'],
      ['deleted_at = now()', 'deleted_at = null'],
    ]) {
      await rows(`update app_public.users set ${shut} where id = $1`, [person.id])
      expect(await revocations.heard()).toEqual([`user:${person.id}`])
      expect(await isOpen(token)).toBe(false)
      await rows(`update app_public.users set ${open} where id = $1`, [person.id])
      expect(await isOpen(token)).toBe(true)
      await revocations.heard()
    }
  })
})

describe('the tenant of a request', () => {
  test('is named by slug or id, is the default one when not named, and is one that the person joined', async () => {
    const [alice, mallory, nobody] = await Promise.all([newcomer(), newcomer(), newcomer()])
    const [{ token }, evil, none] = await Promise.all([alice.login(), mallory.login(), nobody.login()])
    const tenant = async (bearer: string, slug: string) =>
      (await askOne(database, bearer, 'select id from app_public.create_tenant($1, $2)', [slug, slug])).id
    const acme = await tenant(token, 'acme-inc')
    const second = await tenant(token, 'second')
    const lair = await tenant(evil.token, 'evil-corp')
    const claims = (bearer: string, name: string | null) => authenticate(database, { token: bearer, tenant: name })
    const owner = (id: string) => ({ tenant_id: id, member_role: 'owner' })

    expect(await claims(token, 'acme-inc')).toMatchObject(owner(acme))
    expect(await claims(token, 'ACME-Inc')).toMatchObject(owner(acme))
    expect(await claims(token, acme)).toMatchObject(owner(acme))
    expect(await claims(token, 'second')).toMatchObject(owner(second))
    // The first one made is the default.
    expect(await claims(token, null)).toMatchObject(owner(acme))
    expect(await claims(none.token, null)).toMatchObject({ tenant_id: '', member_role: '' })

    const notAMember = { sqlstate: 'FH403', code: 'NOT_A_MEMBER' }
    for (const name of ['evil-corp', lair, 'does-not-exist', '01890000-0000-7000-8000-000000000000', '']) {
      expect(await refusal(claims(token, name))).toEqual(notAMember)
    }
    expect(await claims(evil.token, 'evil-corp')).toMatchObject(owner(lair))

    await ask(database, token, 'update app_public.user_settings set default_tenant_id = $1', [second])
    expect(await claims(token, null)).toMatchObject(owner(second))
  })

  test('is refused while it is inactive or closed, and as a default just left away', async () => {
    const { login } = await newcomer()
    const { token } = await login()
    const { id } = await askOne(database, token, `select id from app_public.create_tenant('Sleepy', 'sleepy')`)
    const named = () => authenticate(database, { token, tenant: 'sleepy' })
    await revocations.heard()
    for (const [shut, open] of [
      ['is_active = false', 'is_active = true'],
      ['deleted_at = now()', 'deleted_at = null'],
    ]) {
      await rows(`update app_public.tenants set ${shut} where id = $1`, [id])
      expect(await revocations.heard()).toEqual([`tenant:${id}`])
      expect(await refusal(named())).toEqual({ sqlstate: 'FH403', code: 'NOT_A_MEMBER' })
      expect(await authenticate(database, token)).toMatchObject({ role: 'app_user', tenant_id: '', member_role: '' })
      await rows(`update app_public.tenants set ${open} where id = $1`, [id])
      expect(await named()).toMatchObject({ tenant_id: id })
      await revocations.heard()
    }
  })

  test('a function that needs a tenant says so when none was chosen', async () => {
    const { token } = await (await newcomer()).login()
    expect(await refusal(ask(database, token, `select app_public.invite_member('x@example.test')`))).toEqual({
      sqlstate: 'FH400',
      code: 'TENANT_REQUIRED',
    })
  })
})

describe('a second factor', () => {
  /** otplib knows the standard and nothing of us. */
  const codeAt = (secret: string, steps: number) =>
    generateSync({ secret, epoch: Math.floor(clock.now() / 1000) + 30 * steps })

  test('is enabled, confirmed, asked for, never replayed, recovered once, and disabled', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    const call = (sql: string, values: unknown[] = []) => askOne(database, token, sql, values)
    const enable = (password = PASSWORD) => call('select * from app_public.enable_totp($1)', [password])
    const confirm = (code: string | null) => call('select * from app_public.confirm_totp($1)', [code])
    const disable = (password: string, code: string | null) =>
      call('select * from app_public.disable_totp($1, $2)', [password, code])
    const isOn = async () =>
      (await rows('select two_factor_enabled as is_on from app_public.users where id = $1', [person.id]))[0].is_on
    const notValid = {
      recovery_codes: null,
      refusal: { sqlstate: 'FH422', code: 'CODE_NOT_VALID', message: 'The code is wrong; enable_totp comes first' },
    }

    expect(await confirm('123456')).toEqual(notValid)
    expect(await enable('nope nope nope')).toEqual({ secret: null, otpauth_url: null, refusal: INVALID })
    const { secret, otpauth_url } = await enable()
    expect(secret).toMatch(/^[A-Z2-7]{32}$/)
    const url = new URL(otpauth_url)
    expect([url.protocol, url.searchParams.get('secret'), decodeURIComponent(url.pathname)]).toEqual([
      'otpauth:',
      secret,
      expect.stringContaining(`Freehold:${person.email}`),
    ])
    // Nothing is asked for until a code was shown to work.
    expect((await person.login()).refusal).toBeNull()
    for (const bad of [null, '', '12345', 'abcdef', codeAt(secret, 20)]) expect(await confirm(bad)).toEqual(notValid)
    expect(await isOn()).toBe(false)

    await revocations.heard()
    const used = codeAt(secret, 0)
    const { recovery_codes: codes } = await confirm(used)
    expect(await revocations.heard()).toContain(`user:${person.id}`)
    expect(codes).toHaveLength(10)
    expect(new Set(codes).size).toBe(10)
    expect(codes[0]).toMatch(/^[0-9a-f]{5}(-[0-9a-f]{5}){3}$/)
    expect(await isOn()).toBe(true)
    expect(await refusal(enable())).toEqual({ sqlstate: 'FH409', code: 'TOTP_ENABLED' })
    expect(await refusal(confirm(codeAt(secret, 1)))).toEqual({ sqlstate: 'FH409', code: 'TOTP_ENABLED' })

    expect((await person.login()).refusal).toEqual(CODE_REQUIRED)
    expect((await person.login('')).refusal).toEqual(CODE_REQUIRED)
    expect(await rows('select app_private.verify_totp_or_recovery_code($1, null) as is_taken', [person.id])).toEqual([
      { is_taken: false },
    ])
    expect((await person.login(used)).refusal).toEqual(INVALID)
    const next = codeAt(secret, 1)
    expect((await person.login(next)).refusal).toBeNull()
    expect((await person.login(next)).refusal).toEqual(INVALID)
    expect((await person.login(codes[3])).refusal).toBeNull()
    expect((await person.login(codes[3])).refusal).toEqual(INVALID)
    expect((await person.login(codes[4].toUpperCase().replaceAll('-', ''))).refusal).toBeNull()

    expect((await disable(PASSWORD, null)).refusal).toEqual(CODE_REQUIRED)
    expect((await disable('nope nope nope', codes[5])).refusal).toEqual(INVALID)
    expect((await disable(PASSWORD, codes[3])).refusal).toEqual(INVALID)
    expect(await isOn()).toBe(true)
    expect(await disable(PASSWORD, codes[5])).toEqual({ is_done: true, refusal: null })
    expect((await person.login()).refusal).toBeNull()
    expect(
      await rows('select two_factor_secret, recovery_hashes from app_private.user_secrets where user_id = $1', [
        person.id,
      ]),
    ).toEqual([{ two_factor_secret: null, recovery_hashes: [] }])
  })

  test('is confirmed within ten tries, however many come at once, and lately proved identity', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    const confirm = (code: string) => askOne(database, token, 'select * from app_public.confirm_totp($1)', [code])
    const { secret } = await askOne(database, token, 'select * from app_public.enable_totp($1)', [PASSWORD])
    const codes = (await Promise.all(Array.from({ length: 50 }, () => confirm('abcdef')))).map(
      ({ refusal: { code } }) => code,
    )
    expect(codes.filter((code) => code === 'CODE_NOT_VALID')).toHaveLength(10)
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(40)
    expect((await confirm(codeAt(secret, 0))).refusal).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 900 })
    await clock.advance(900)
    await rows(
      `update app_public.sessions set created_at = now() - interval '1 hour', reauthenticated_at = null where user_id = $1`,
      [person.id],
    )
    expect(await refusal(confirm(codeAt(secret, 0)))).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED' })
    await rows('update app_public.sessions set created_at = public.test_clock() where user_id = $1', [person.id])
    expect((await confirm(codeAt(secret, 0))).recovery_codes).toHaveLength(10)
  })

  test('has recovery codes of before, which are shorter, until they are replaced', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    const { secret } = await askOne(database, token, 'select * from app_public.enable_totp($1)', [PASSWORD])
    await ask(database, token, 'select app_public.confirm_totp($1)', [codeAt(secret, 0)])
    await rows(
      `update app_private.user_secrets set recovery_hashes = array[app_private.hash_token('0123456789')] where user_id = $1`,
      [person.id],
    )
    expect((await person.login('01234-56789')).refusal).toBeNull()
    expect((await person.login('01234-56789')).refusal).toMatchObject({ code: 'INVALID_CREDENTIALS' })
  })

  test('is asked for when identity is proved again, and a password alone does not do', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    const { secret } = await askOne(database, token, 'select * from app_public.enable_totp($1)', [PASSWORD])
    await ask(database, token, 'select app_public.confirm_totp($1)', [codeAt(secret, 0)])
    const reauthenticate = (code: string | null) =>
      askOne(database, token, 'select * from app_public.reauthenticate($1, $2)', [PASSWORD, code])
    const isRecent = async () =>
      (
        await rows(
          `select reauthenticated_at is not null as is_recent from app_public.sessions
           where user_id = $1 and revoked_at is null`,
          [person.id],
        )
      )[0].is_recent
    await rows('update app_public.sessions set reauthenticated_at = null where user_id = $1', [person.id])
    expect((await reauthenticate(null)).refusal).toMatchObject({ code: 'CODE_REQUIRED' })
    expect((await reauthenticate('000000')).refusal).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    const change = `select * from app_public.change_password($1, $1)`
    expect((await askOne(database, token, change, [PASSWORD])).refusal).toBeNull()
    expect(await isRecent()).toBe(false)
    expect((await reauthenticate(codeAt(secret, 1))).refusal).toBeNull()
    expect(await isRecent()).toBe(true)
  })

  test('of one step is taken once by two log-ins at the same time', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    const { secret } = await askOne(database, token, 'select * from app_public.enable_totp($1)', [PASSWORD])
    await ask(database, token, 'select app_public.confirm_totp($1)', [codeAt(secret, 0)])
    const code = codeAt(secret, 1)
    const results = await Promise.all([1, 2, 3, 4].map(() => person.login(code)))
    expect(results.filter((result) => result.refusal === null)).toHaveLength(1)
  })

  test('gives the codes that otplib gives, for any seed and time', async () => {
    const { rows: answers } = await database.superuser.query(
      `select app_private.base32(seed) as secret, step::integer, app_private.totp_code(seed, step) as code
       from generate_series(1, 200) i, lateral (
         select substr(sha256(int4send(i)), 1, 20) as seed, (('x' || substr(md5(i::text), 1, 7))::bit(28)::integer) as step) s`,
    )
    expect(answers).toHaveLength(200)
    for (const { secret, step, code } of answers) expect(code).toBe(generateSync({ secret, epoch: step * 30 }))
  })

  test('is asked of every member of a tenant that enforces it', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    const { id } = await askOne(database, token, `select id from app_public.create_tenant('Strict', 'strict')`)
    expect(await authenticate(database, { token, tenant: 'strict' })).toMatchObject({ tenant_id: id })
    await revocations.heard()
    await ask(
      database,
      { token, tenant: 'strict' },
      `update app_public.tenants set settings = '{"enforce_mfa": true}' where id = $1`,
      [id],
    )
    expect(await revocations.heard()).toEqual([`tenant:${id}`])
    expect(await refusal(authenticate(database, { token, tenant: 'strict' }))).toEqual({
      sqlstate: 'FH403',
      code: 'MFA_REQUIRED',
    })
    // Without the tenant they get far enough to enable it.
    expect(await authenticate(database, token)).toMatchObject({ tenant_id: '', member_role: '' })
    const { secret } = await askOne(database, token, 'select * from app_public.enable_totp($1)', [PASSWORD])
    await ask(database, token, 'select app_public.confirm_totp($1)', [codeAt(secret, 0)])
    expect(await authenticate(database, { token, tenant: 'strict' })).toMatchObject({
      tenant_id: id,
      member_role: 'owner',
    })
    expect(await authenticate(database, token)).toMatchObject({ tenant_id: id, member_role: 'owner' })
  })
})
