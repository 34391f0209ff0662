import pg from 'pg'
import { testDatabase, type TestDatabase } from '../../../support/database.ts'
import { mailedToken } from '../../../support/people.ts'
import { type Bearer, ask, askOne, authenticate } from '../../../support/ask.ts'
import { stopClock } from '../../../support/clock.ts'
import { refusal } from '../../../support/refusal.ts'

const PASSWORD = 'correct horse'
const INVALID = {
  sqlstate: 'FH401',
  code: 'INVALID_CREDENTIALS',
  message: 'The address, the password or the code is wrong',
}

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase({ hasTruePasswords: true })
  // Counters have windows that end with the minute: what is counted here must not straddle that.
  await stopClock(database)
})
afterAll(() => database.close())

/** Every test its own person at its own address, so that counters of one do not reach another. */
let people = 0
async function newcomer(password = PASSWORD) {
  const number = (people += 1)
  const email = `person${number}@example.test`
  const from: Bearer = { token: null, ip: `198.51.100.${number}` }
  const { id } = await askOne(database, from, 'select id from app_public.register($1, $2, $3)', [
    email,
    password,
    `Person ${number}`,
  ])
  const login = (with_ = password, code: string | null = null, bearer: Bearer = from) =>
    askOne(database, bearer, 'select * from app_public.login($1, $2, $3)', [email, with_, code])
  return { id: id as string, email, from, login }
}

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows

test('a person registers, and their address and user name are theirs alone', async () => {
  const register = (email: string, username: string | null = null, password = PASSWORD) =>
    ask(database, null, 'select * from app_public.register($1, $2, $3, $4)', [email, password, 'Ada', username])
  const [ada] = await register('  Ada.Lovelace@Example.TEST ')
  expect(ada).toMatchObject({
    email: 'ada.lovelace@example.test',
    username: 'ada.lovelace',
    name: 'Ada',
    email_verified: false,
    role: 'user',
  })
  expect(await refusal(register('ADA.lovelace@example.test'))).toEqual({ sqlstate: '23505', code: 'users_email_key' })
  expect(await refusal(register('other@example.test', 'ada.lovelace'))).toEqual({
    sqlstate: '23505',
    code: 'users_username_key',
  })
  // A name that was not chosen gives way instead.
  const [second] = await register('ada.lovelace@elsewhere.test')
  expect(second.username).toMatch(/^ada\.lovelace-[0-9a-f]{8}$/)
  const [short] = await register('x@example.test')
  expect(short.username).toBe('userx')
})

test('the address and user name of a closed account are free, and lead to the new one', async () => {
  const closed = await newcomer()
  const [{ username }] = await rows('update app_public.users set deleted_at = now() where id = $1 returning username', [
    closed.id,
  ])
  const another = 'a password of its own'
  const [again] = await ask(database, null, 'select * from app_public.register($1, $2, $3)', [
    closed.email,
    another,
    'Again',
  ])
  expect(again).toMatchObject({ email: closed.email, username })
  expect(await closed.login()).toMatchObject({ token: null, refusal: { code: 'INVALID_CREDENTIALS' } })
  expect(await closed.login(another)).toMatchObject({ user_id: again.id, refusal: null })
  expect(await refusal(rows('update app_public.users set deleted_at = null where id = $1', [closed.id]))).toMatchObject(
    {
      sqlstate: '23505',
    },
  )
})

test.each([
  ['seven characters', '1234567', false],
  ['eight characters', '12345678', true],
  ['72 bytes', 'é'.repeat(36), true],
  ['74 bytes', 'é'.repeat(37), false],
])('a password of %s', async (_, password, isFine) => {
  people += 1
  const registered = ask(database, null, 'select id from app_public.register($1, $2, $3)', [
    `password${people}@example.test`,
    password,
    'P',
  ])
  if (isFine) expect(await registered).toHaveLength(1)
  else expect(await refusal(registered)).toEqual({ sqlstate: 'FH400', code: 'PASSWORD_UNSUITABLE' })
})

test('passwords are kept as bcrypt of cost 10, tokens as hashes', async () => {
  const person = await newcomer()
  const [{ password_hash }] = await rows('select password_hash from app_private.user_secrets where user_id = $1', [
    person.id,
  ])
  expect(password_hash).toMatch(/^\$2a\$10\$/)
  const { token, session_id } = await person.login()
  expect(token).toMatch(/^fh_sess_[0-9a-f]{64}$/)
  expect(
    await rows('select session_id from app_private.session_tokens where token_hash = sha256(convert_to($1, $2))', [
      token,
      'utf8',
    ]),
  ).toEqual([{ session_id }])
  for (const table of [
    'app_public.sessions',
    'app_private.session_tokens',
    'app_private.user_tokens',
    'app_private.emails',
  ]) {
    expect(await rows(`select 1 from ${table} t where t::text like '%' || $1 || '%'`, [token.slice(8)])).toEqual([])
  }
})

test('an address is verified by the token mailed to it, once, and not after it expired', async () => {
  const person = await newcomer()
  const verify = (token: string) => askOne(database, null, 'select * from app_public.verify_email($1)', [token])
  const isVerified = async () =>
    (await rows('select email_verified from app_public.users where id = $1', [person.id]))[0].email_verified
  const token = await mailedToken(database, 'verify_email', person.email)
  const notValid = { sqlstate: 'FH404', code: 'TOKEN_NOT_VALID' }
  expect(await refusal(verify('fh_mail_nonsense'))).toEqual(notValid)
  await rows('update app_private.user_tokens set expires_at = now() where user_id = $1', [person.id])
  expect(await refusal(verify(token))).toEqual(notValid)
  expect(await isVerified()).toBe(false)
  await rows(`update app_private.user_tokens set expires_at = now() + interval '1 hour' where user_id = $1`, [
    person.id,
  ])
  // A token is good for its purpose only.
  expect(
    await refusal(ask(database, null, 'select app_public.reset_password($1, $2)', [token, 'a new password'])),
  ).toEqual(notValid)
  expect(await verify(token)).toEqual({ is_done: true, refusal: null })
  expect(await isVerified()).toBe(true)
  expect(await refusal(verify(token))).toEqual(notValid)
})

test('a log-in gives a session that authenticates', async () => {
  const person = await newcomer()
  const { token, user_id, session_id, refusal: none } = await person.login()
  expect({ user_id, none }).toEqual({ user_id: person.id, none: null })
  expect(await authenticate(database, token)).toMatchObject({
    role: 'app_user',
    user_id: person.id,
    session_id,
    actor_type: 'user',
    tenant_id: '',
    cacheable: true,
  })
  expect(await ask(database, token, 'select ip_address, user_agent from app_public.sessions')).toMatchObject([
    { user_agent: 'proof' },
  ])
  await expect(authenticate(database, 'fh_sess_' + '0'.repeat(64))).rejects.toMatchObject({ code: 'FH401' })
  await rows('update app_public.sessions set expires_at = now() where id = $1', [session_id])
  await expect(authenticate(database, token)).rejects.toMatchObject({ code: 'FH401' })
})

test('unknown, wrong, inactive, closed and locked answer alike, and each costs one bcrypt', async () => {
  const [wrong, inactive, closed, locked] = [await newcomer(), await newcomer(), await newcomer(), await newcomer()]
  await rows('update app_public.users set is_active = false where id = $1', [inactive.id])
  await rows('update app_public.users set deleted_at = now() where id = $1', [closed.id])
  for (let i = 0; i < 10; i += 1) await locked.login('nope nope nope')

  await rows(
    `do $$ begin execute format('alter database %I set track_functions to ''all''', current_database()); end $$`,
  )
  // A connection for each, since what it counted before may still be in its counters.
  const attempt = async (email: string, password: string) => {
    const client = new pg.Client({ connectionString: database.urls.authenticator })
    await client.connect()
    await client.query('begin')
    await client.query('set local role app_anonymous')
    const {
      rows: [result],
    } = await client.query('select * from app_public.login($1, $2)', [email, password])
    const {
      rows: [bcrypts],
    } = await client.query(
      `select sum(calls)::integer as count from pg_stat_xact_user_functions where schemaname = 'extensions' and funcname = 'crypt'`,
    )
    await client.query('commit')
    await client.end()
    return { refusal: result.refusal, token: result.token, bcrypts: bcrypts.count }
  }
  const denied = { refusal: INVALID, token: null, bcrypts: 1 }
  expect(await attempt('stranger@example.test', PASSWORD)).toEqual(denied)
  expect(await attempt(wrong.email, 'nope nope nope')).toEqual(denied)
  expect(await attempt(inactive.email, PASSWORD)).toEqual(denied)
  expect(await attempt(closed.email, PASSWORD)).toEqual(denied)
  expect(await attempt(locked.email, PASSWORD)).toEqual(denied)
  expect(await attempt(wrong.email, PASSWORD)).toEqual({ refusal: null, token: expect.any(String), bcrypts: 1 })
})

test('after ten failures an account is closed to the right password too, from anywhere, until a reset', async () => {
  const person = await newcomer()
  const other = await newcomer()
  for (let i = 0; i < 9; i += 1) expect((await person.login('nope nope nope')).refusal).toEqual(INVALID)
  const { token } = await person.login()
  expect(token).toEqual(expect.any(String))
  expect((await person.login('nope nope nope')).refusal).toEqual(INVALID)
  expect((await person.login()).refusal).toEqual(INVALID)
  expect((await person.login(PASSWORD, null, { token: null, ip: '203.0.113.7' })).refusal).toEqual(INVALID)
  // The open session goes on, but can not guess the password either, and nobody else is locked out.
  expect(
    (await askOne(database, token, 'select * from app_public.change_password($1, $2)', [PASSWORD, 'a new password']))
      .refusal,
  ).toEqual(INVALID)
  expect((await other.login()).refusal).toBeNull()

  await ask(database, null, 'select app_public.request_password_reset($1)', [person.email])
  await ask(database, null, 'select app_public.reset_password($1, $2)', [
    await mailedToken(database, 'reset_password', person.email),
    'a new password',
  ])
  expect((await person.login('a new password')).refusal).toBeNull()
})

test('after thirty failures an address is refused before any password is looked at; others are not', async () => {
  const person = await newcomer()
  const ip = '203.0.113.30'
  const from = { token: null, ip }
  for (let i = 0; i < 2; i += 1)
    await askOne(database, from, 'select * from app_public.login($1, $2)', [`unknown${i}@example.test`, PASSWORD])
  expect(
    await rows(`select count from app_private.rate_limits where subject_type = 'login_failure' and subject_id = $1`, [
      ip,
    ]),
  ).toEqual([{ count: 2 }])
  await rows(`update app_private.rate_limits set count = 29 where subject_type = 'login_failure' and subject_id = $1`, [
    ip,
  ])
  expect((await person.login('nope nope nope', null, from)).refusal).toEqual(INVALID)
  expect((await person.login(PASSWORD, null, from)).refusal).toMatchObject({
    sqlstate: 'FH429',
    code: 'RATE_LIMITED',
    retryAfterSeconds: 900,
  })
  expect((await person.login(PASSWORD, null, { token: null, ip: '203.0.113.31' })).refusal).toBeNull()
})

test('an address may log in a hundred times a minute', async () => {
  const person = await newcomer()
  const from = { token: null, ip: '203.0.113.100' }
  expect((await person.login(PASSWORD, null, from)).refusal).toBeNull()
  await rows(`update app_private.rate_limits set count = 99 where subject_type = 'login' and subject_id = $1`, [
    from.ip,
  ])
  expect((await person.login(PASSWORD, null, from)).refusal).toBeNull()
  expect((await person.login(PASSWORD, null, from)).refusal).toMatchObject({ sqlstate: 'FH429', retryAfterSeconds: 60 })
})

describe('a forgotten password', () => {
  const NEW = 'another horse'
  const request = (email: string) =>
    askOne(database, null, 'select * from app_public.request_password_reset($1)', [email])
  const reset = (token: string, password = NEW) =>
    askOne(database, null, 'select * from app_public.reset_password($1, $2)', [token, password])
  const notValid = { sqlstate: 'FH404', code: 'TOKEN_NOT_VALID' }

  test('is set anew by a mailed token, once, and every session ends', async () => {
    const person = await newcomer()
    const sessions = [await person.login(), await person.login()]
    expect(await request(person.email)).toEqual({ is_done: true, refusal: null })
    const token = await mailedToken(database, 'reset_password', person.email)
    expect(await refusal(reset(token, 'short'))).toEqual({ sqlstate: 'FH400', code: 'PASSWORD_UNSUITABLE' })
    await expect(authenticate(database, sessions[0].token)).resolves.toMatchObject({ user_id: person.id })
    await reset(token)
    for (const session of sessions)
      await expect(authenticate(database, session.token)).rejects.toMatchObject({ code: 'FH401' })
    expect((await person.login()).refusal).toEqual(INVALID)
    expect((await person.login(NEW)).refusal).toBeNull()
    expect(await refusal(reset(token, 'a third horse'))).toEqual(notValid)
    // Who reads the mail owns the address.
    expect(await rows('select email_verified from app_public.users where id = $1', [person.id])).toEqual([
      { email_verified: true },
    ])
  })

  test('has one token at a time, for an hour', async () => {
    const person = await newcomer()
    await request(person.email)
    const first = await mailedToken(database, 'reset_password', person.email)
    await request(person.email)
    const second = await mailedToken(database, 'reset_password', person.email)
    expect(await refusal(reset(first))).toEqual(notValid)
    const [{ minutes }] = await rows(
      `select (extract(epoch from expires_at - created_at) / 60)::integer as minutes from app_private.user_tokens
       where user_id = $1 and purpose = 'reset_password' and used_at is null`,
      [person.id],
    )
    expect(minutes).toBe(60)
    await rows('update app_private.user_tokens set expires_at = now() where user_id = $1 and used_at is null', [
      person.id,
    ])
    expect(await refusal(reset(second))).toEqual(notValid)
    await rows(
      `update app_private.user_tokens set expires_at = now() + interval '1 minute' where user_id = $1 and used_at is null`,
      [person.id],
    )
    expect(await reset(second)).toMatchObject({ is_done: true })
  })

  test('of nobody is answered alike, and mails nobody; five an hour are mailed', async () => {
    const person = await newcomer()
    const mails = async (email: string) =>
      (
        await rows(
          `select count(*)::integer from app_private.emails where kind = 'reset_password' and recipient = $1`,
          [email],
        )
      )[0].count
    for (let i = 0; i < 7; i += 1) {
      expect(await request('nobody-knows@example.test')).toEqual(await request(person.email))
    }
    expect([await mails('nobody-knows@example.test'), await mails(person.email)]).toEqual([0, 5])
  })
})

test('a changed password ends every other session', async () => {
  const person = await newcomer()
  const [here, elsewhere] = [(await person.login()).token, (await person.login()).token]
  const change = (current: string, next: string) =>
    askOne(database, here, 'select * from app_public.change_password($1, $2)', [current, next])
  expect(await change('nope nope nope', 'another horse')).toEqual({ is_done: null, refusal: INVALID })
  await expect(authenticate(database, elsewhere)).resolves.toMatchObject({ user_id: person.id })
  expect(await refusal(change(PASSWORD, 'short'))).toEqual({ sqlstate: 'FH400', code: 'PASSWORD_UNSUITABLE' })
  expect(await change(PASSWORD, 'another horse')).toEqual({ is_done: true, refusal: null })
  await expect(authenticate(database, here)).resolves.toMatchObject({ user_id: person.id })
  await expect(authenticate(database, elsewhere)).rejects.toMatchObject({ code: 'FH401' })
  expect((await person.login()).refusal).toEqual(INVALID)
  expect((await person.login('another horse')).refusal).toBeNull()
})

test('nobody changes the password of nobody', async () => {
  expect(
    await refusal(ask(database, null, 'select app_public.change_password($1, $2)', ['a', 'another horse'])),
  ).toMatchObject({ sqlstate: '42501' })
})
