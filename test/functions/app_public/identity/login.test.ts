import pg from 'pg'
import { TEST_KEYRING, testDatabase, type TestDatabase } from '../../../support/database.ts'
import { mailedToken, signUp, type Caller } from '../../../support/people.ts'
import { type Bearer, ask, askOne, authenticate } from '../../../support/ask.ts'
import { stopClock, type Clock } from '../../../support/clock.ts'
import { refusal } from '../../../support/refusal.ts'

const PASSWORD = 'correct horse'
const INVALID = {
  sqlstate: 'FH401',
  code: 'INVALID_CREDENTIALS',
  message: 'The address, the password or the code is wrong',
}

let database: TestDatabase
let clock: Clock
beforeAll(async () => {
  database = await testDatabase({ hasTruePasswords: true })
  // Counters have windows that end with the minute: what is counted here must not straddle that.
  clock = await stopClock(database)
})
afterAll(() => database.close())

/** Every test its own person at its own address, so that counters of one do not reach another. */
let people = 0
async function newcomer(password = PASSWORD) {
  const number = (people += 1)
  const email = `person${number}@example.test`
  const from: Caller = { token: null, ip: `198.51.100.${number}` }
  const { id, deviceToken } = await signUp(database, { email, password, name: `Person ${number}` }, from)
  const login = (with_ = password, code: string | null = null, bearer: Bearer = from, device: string | null = null) =>
    askOne(database, bearer, `select * from app_public.login($1, $2, $3, '{}', $4)`, [email, with_, code, device])
  return { id, email, from, deviceToken, login }
}

const rows = async (sql: string, values: unknown[] = []) => (await database.superuser.query(sql, values)).rows
const from = (ip: string) => ({ token: null, ip })
const DONE = { is_done: true, refusal: null }
const notValid = { sqlstate: 'FH404', code: 'TOKEN_NOT_VALID' }
const tooMany = (retryAfterSeconds: number) => ({ sqlstate: 'FH429', code: 'RATE_LIMITED', retryAfterSeconds })

interface Registration {
  name?: string
  username?: string | null
  password?: string
  ip?: string
}
const register = (email: string, { name = 'Ada', username = null, password = PASSWORD, ip }: Registration = {}) =>
  askOne(database, from(ip ?? `192.0.2.${(people += 1)}`), 'select * from app_public.register($1, $2, $3, $4)', [
    email,
    password,
    name,
    username,
  ])
const verify = (token: string) => askOne(database, null, 'select * from app_public.verify_email($1)', [token])
const login = (email: string, password: string, ip = '203.0.113.99') =>
  askOne(database, from(ip), 'select * from app_public.login($1, $2)', [email, password])
const mailsTo = async (email: string) =>
  (await rows('select kind from app_private.emails where recipient = $1 order by id', [email])).map(({ kind }) => kind)
const userOf = async (email: string) =>
  (await rows('select * from app_public.users where email = $1 and deleted_at is null', [email]))[0]

test('an account begins with a proved address, and its address and user name are theirs alone', async () => {
  const email = 'ada.lovelace@example.test'
  expect(await register('  Ada.Lovelace@Example.TEST ')).toEqual(DONE)
  expect(await userOf(email)).toBeUndefined()
  expect((await login(email, PASSWORD)).refusal).toEqual(INVALID)
  await verify(await mailedToken(database, 'verify_email', email))
  expect(await userOf(email)).toMatchObject({
    username: 'ada.lovelace',
    name: 'Ada',
    email_verified: true,
    role: 'user',
  })
  expect((await login(email, PASSWORD)).refusal).toBeNull()

  // User names are public: that one is taken is told.
  expect(await register('other@example.test', { username: 'Ada.Lovelace' })).toEqual({
    is_done: null,
    refusal: { sqlstate: 'FH409', code: 'USERNAME_TAKEN', message: 'This user name is taken.' },
  })
  await register('second@example.test', { username: 'countess' })
  // A name that was not chosen gives way instead, and so does one that somebody took meanwhile.
  for (const [address, username, becomes] of [
    ['ada.lovelace@elsewhere.test', null, /^ada\.lovelace-[0-9a-f]{8}$/],
    ['x@example.test', null, /^userx$/],
    ['first@example.test', 'countess', /^countess$/],
  ] as const) {
    await register(address, { username })
    await verify(await mailedToken(database, 'verify_email', address))
    expect((await userOf(address)).username).toMatch(becomes)
  }
  await verify(await mailedToken(database, 'verify_email', 'second@example.test'))
  expect((await userOf('second@example.test')).username).toMatch(/^countess-[0-9a-f]{8}$/)
})

test('a taken address is answered alike, and only its owner is told', async () => {
  const person = await newcomer()
  const theirs = { password: 'the password of a stranger' }
  expect(await register(person.email, theirs)).toEqual(await register('nobody-yet@example.test', theirs))
  expect(await mailsTo(person.email)).toEqual(['verify_email', 'already_registered'])
  expect(await mailsTo('nobody-yet@example.test')).toEqual(['verify_email'])
  // Neither lets them log in next: no second question tells the two apart.
  for (const email of [person.email, 'nobody-yet@example.test'])
    expect((await login(email, theirs.password)).refusal).toEqual(INVALID)
  // Even with the token that was mailed to nobody the account stays as it is.
  const [{ token }] = await rows(
    `select token from app_private.emails where kind = 'already_registered' and recipient = $1`,
    [person.email],
  )
  const { rows: opened } = await database.owner.query('select app_private.decrypt_secret($1) as token', [token])
  expect(await refusal(verify(opened[0].token))).toEqual(notValid)
  expect((await person.login()).refusal).toBeNull()
})

test('of several who ask for one address, its owner decides who gets it', async () => {
  const email = 'wanted@example.test'
  await register(email, { password: 'of the first one', name: 'First' })
  const first = await mailedToken(database, 'verify_email', email)
  await register(email, { password: 'of the second one', name: 'Second' })
  await verify(await mailedToken(database, 'verify_email', email))
  expect(await userOf(email)).toMatchObject({ name: 'Second' })
  expect(await refusal(verify(first))).toEqual(notValid)
  expect((await login(email, 'of the first one')).refusal).toEqual(INVALID)
  expect((await login(email, 'of the second one')).refusal).toBeNull()
})

test('a try to register counts whatever comes of it, by the network it comes from', async () => {
  const person = await newcomer()
  const { username } = await userOf(person.email)
  const [ip, neighbour] = ['2001:db8:7:8::1', '2001:db8:7:8:ffff::9']
  const counter = `subject_type = 'register' and subject_id = '2001:db8:7:8::/64'`
  await register('somebody@example.test', { ip })
  await register(person.email, { ip: neighbour })
  await register('somebody.else@example.test', { ip, username })
  expect(await rows(`select count from app_private.rate_limits where ${counter}`)).toEqual([{ count: 3 }])
  await rows(`update app_private.rate_limits set count = 99 where ${counter}`)
  expect(await register(person.email, { ip })).toEqual(DONE)
  expect((await register('one.more@example.test', { ip: neighbour })).refusal).toMatchObject(tooMany(3600))
  expect((await register(person.email, { ip })).refusal).toMatchObject(tooMany(3600))
  expect((await register('one.more@example.test', { ip, username })).refusal).toMatchObject(tooMany(3600))
  expect(await register('one.more@example.test', { ip: '2001:db8:7:9::1' })).toEqual(DONE)
})

test('nobody is flooded by those who register with their address, and whoever does is not told', async () => {
  const person = await newcomer()
  for (const email of [person.email, 'flooded@example.test']) {
    const before = (await mailsTo(email)).length
    for (let i = 0; i < 14; i += 1) expect(await register(email, { ip: `100.64.${before}.${i}` })).toEqual(DONE)
    // Signing up was the first of ten.
    expect(await mailsTo(email)).toHaveLength(10)
  }
})

test('the address and user name of a closed account are free, and lead to the new one', async () => {
  const closed = await newcomer()
  const [{ username }] = await rows('update app_public.users set deleted_at = now() where id = $1 returning username', [
    closed.id,
  ])
  const another = 'a password of its own'
  const again = await signUp(database, { email: closed.email, password: another, name: 'Again' })
  expect(await userOf(closed.email)).toMatchObject({ id: again.id, email: closed.email, username })
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
  const registered = register(`password${people}@example.test`, { password })
  if (isFine) expect(await registered).toEqual(DONE)
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

test('an address is proved by the token mailed to it, once, and not after it expired', async () => {
  const email = 'proof@example.test'
  await register(email)
  const token = await mailedToken(database, 'verify_email', email)
  expect(await refusal(verify('fh_mail_nonsense'))).toEqual(notValid)
  await rows('update app_private.registrations set expires_at = now() where email = $1', [email])
  expect(await refusal(verify(token))).toEqual(notValid)
  expect(await userOf(email)).toBeUndefined()
  await rows(`update app_private.registrations set expires_at = now() + interval '1 hour' where email = $1`, [email])
  // A token is good for its purpose only.
  expect(
    await refusal(ask(database, null, 'select app_public.reset_password($1, $2)', [token, 'a new password'])),
  ).toEqual(notValid)
  expect(await verify(token)).toEqual(DONE)
  expect(await userOf(email)).toMatchObject({ email_verified: true })
  expect(await refusal(verify(token))).toEqual(notValid)
  expect(await rows('select from app_private.registrations where email = $1', [email])).toEqual([])
})

test('an account of before, whose address nobody proved, is proved by a token of its own', async () => {
  const person = await newcomer()
  await rows('update app_public.users set email_verified_at = null where id = $1', [person.id])
  expect((await person.login()).refusal).toBeNull()
  await database.superuser.query(`select app_private.send_user_token($1, 'verify_email', '7 days')`, [person.id])
  const token = await mailedToken(database, 'verify_email', person.email)
  await rows('update app_private.user_tokens set expires_at = now() where user_id = $1', [person.id])
  expect(await refusal(verify(token))).toEqual(notValid)
  await rows(`update app_private.user_tokens set expires_at = now() + interval '1 hour' where user_id = $1`, [
    person.id,
  ])
  expect(await verify(token)).toEqual(DONE)
  expect(await userOf(person.email)).toMatchObject({ email_verified: true })
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
  expect(
    await ask(database, token, 'select ip_address, user_agent from app_public.sessions where id = $1', [session_id]),
  ).toMatchObject([{ user_agent: 'proof' }])
  await expect(authenticate(database, 'fh_sess_' + '0'.repeat(64))).rejects.toMatchObject({ code: 'FH401' })
  await rows('update app_public.sessions set expires_at = now() where id = $1', [session_id])
  await expect(authenticate(database, token)).rejects.toMatchObject({ code: 'FH401' })
})

/** What one call did in its transaction: how often each function was called, how many rows of each table it wrote. */
async function workOf(sql: string, values: unknown[], ip: string) {
  // A connection for each, since what it counted before may still be in its counters.
  const client = new pg.Client({ connectionString: database.urls.authenticator })
  await client.connect()
  try {
    await client.query('begin')
    await client.query(`select set_config('app.ip', $1, true), set_config('app.keyring', $2, true)`, [
      ip,
      JSON.stringify(TEST_KEYRING),
    ])
    await client.query('set local role app_anonymous')
    const {
      rows: [answer],
    } = await client.query(sql, values)
    const { rows: calls } = await client.query<{ name: string; count: number }>(`
      select schemaname || '.' || funcname as name, sum(calls)::integer as count
      from pg_stat_xact_user_functions group by 1 order by 1`)
    const { rows: written } = await client.query<{ name: string }>(`
      select relname as name, n_tup_ins as ins, n_tup_upd as upd, n_tup_del as del
      from pg_stat_xact_all_tables where n_tup_ins + n_tup_upd + n_tup_del > 0 order by 1`)
    await client.query('commit')
    return { answer, calls, written, bcrypts: calls.find(({ name }) => name === 'extensions.crypt')?.count ?? 0 }
  } finally {
    await client.end()
  }
}
const trackFunctions = () =>
  rows(`do $$ begin execute format('alter database %I set track_functions to ''all''', current_database()); end $$`)

test('unknown, wrong, inactive, closed and not yet confirmed answer alike, and each costs one bcrypt', async () => {
  const [wrong, inactive, closed] = [await newcomer(), await newcomer(), await newcomer()]
  await rows('update app_public.users set is_active = false where id = $1', [inactive.id])
  await rows('update app_public.users set deleted_at = now() where id = $1', [closed.id])
  await register('waiting@example.test')
  await trackFunctions()
  const attempt = async (email: string, password: string) => {
    const sql = 'select * from app_public.login($1, $2)'
    const { answer, bcrypts } = await workOf(sql, [email, password], '203.0.113.50')
    return { refusal: answer.refusal, token: answer.token, bcrypts }
  }
  const denied = { refusal: INVALID, token: null, bcrypts: 1 }
  expect(await attempt('stranger@example.test', PASSWORD)).toEqual(denied)
  expect(await attempt(wrong.email, 'nope nope nope')).toEqual(denied)
  expect(await attempt(inactive.email, PASSWORD)).toEqual(denied)
  expect(await attempt(closed.email, PASSWORD)).toEqual(denied)
  expect(await attempt('waiting@example.test', PASSWORD)).toEqual(denied)
  expect(await attempt(wrong.email, PASSWORD)).toEqual({ refusal: null, token: expect.any(String), bcrypts: 1 })
})

test.each([
  ['register', `select * from app_public.register($1, 'long enough', 'Eve')`, 1],
  ['request_password_reset', 'select * from app_public.request_password_reset($1)', 0],
])('%s does the same work for a known and an unknown address', async (_, sql, hashes) => {
  const person = await newcomer()
  await trackFunctions()
  const unknown = await workOf(sql, [`never-heard-of-${people}@example.test`], `198.18.0.${people}`)
  const known = await workOf(sql, [person.email], `198.18.1.${people}`)
  // Of the reset, the counter of the recipient is new in both; of the registration, theirs counts their own already.
  const counters = (work: typeof known) => work.written.filter(({ name }) => name !== 'rate_limits')
  expect({ ...known, written: counters(known) }).toEqual({ ...unknown, written: counters(unknown) })
  expect(unknown).toMatchObject({ answer: DONE, bcrypts: hashes })
  expect(unknown.calls.length).toBeGreaterThan(5)
  expect(unknown.written.map(({ name }) => name)).toContain('emails')
})

describe('failed log-ins', () => {
  const wrong = 'nope nope nope'

  test('slow down the origin they come from, and nobody else', async () => {
    const person = await newcomer()
    const attacker = from('203.0.113.7')
    for (let i = 0; i < 3; i += 1) expect((await person.login(wrong, null, attacker)).refusal).toEqual(INVALID)
    expect((await person.login(PASSWORD, null, attacker)).refusal).toMatchObject(tooMany(1))
    // The person is elsewhere, and has a device that is known besides.
    expect((await person.login()).refusal).toBeNull()
    expect((await person.login(PASSWORD, null, attacker, person.deviceToken)).refusal).toBeNull()
    expect((await person.login(PASSWORD, null, attacker)).refusal).toMatchObject(tooMany(1))
    for (const seconds of [1, 2, 4, 8]) {
      await clock.advance(seconds)
      expect((await person.login(wrong, null, attacker)).refusal).toEqual(INVALID)
      expect((await person.login(PASSWORD, null, attacker)).refusal).toMatchObject(tooMany(seconds * 2))
    }
    // Other accounts are not slower from there, and an address that nobody has is slowed as a known one.
    expect((await (await newcomer()).login(PASSWORD, null, attacker)).refusal).toBeNull()
    for (let i = 0; i < 3; i += 1)
      expect((await login('who@example.test', wrong, attacker.ip)).refusal).toEqual(INVALID)
    expect((await login('who@example.test', wrong, attacker.ip)).refusal).toMatchObject(tooMany(1))
    await clock.advance(900)
    expect((await person.login(PASSWORD, null, attacker)).refusal).toBeNull()
    // Forgiven, since the owner was there.
    for (let i = 0; i < 2; i += 1) expect((await person.login(wrong, null, attacker)).refusal).toEqual(INVALID)
    expect((await person.login(PASSWORD, null, attacker)).refusal).toBeNull()
  })

  test('of fifty guesses at the same time three are looked at; in a session, ten', async () => {
    const person = await newcomer()
    const { token } = await person.login()
    const other = await person.login()
    await rows(`
      create table public.looked (at timestamptz not null default clock_timestamp());
      grant usage on schema public to public;
      grant insert on public.looked to public`)
    const [{ definition }] = await rows(
      `select pg_get_functiondef('app_private.is_password_of(uuid, text)'::regprocedure) as definition`,
    )
    await rows(definition.replace(/\nbegin\n/i, '\nbegin\n  insert into public.looked default values;\n'))
    const looksOf = async (guess: () => Promise<unknown>) => {
      await rows('delete from public.looked')
      await Promise.all(Array.from({ length: 50 }, guess))
      return (await rows('select count(*)::integer from public.looked'))[0].count
    }
    const reauthenticate = (session: string, password: string) =>
      askOne(database, session, 'select * from app_public.reauthenticate($1)', [password])
    const guess = () => person.login(wrong, null, from('203.0.113.60'))
    expect(await looksOf(guess)).toBe(3)
    expect(await looksOf(guess)).toBe(0)
    expect(await looksOf(() => reauthenticate(token, wrong))).toBe(10)
    expect((await reauthenticate(token, PASSWORD)).refusal).toMatchObject(tooMany(900))
    // It is the session that must wait, and not the person.
    expect(await reauthenticate(other.token, PASSWORD)).toEqual(DONE)
    await rows(definition)
  })

  test('from everywhere together ask for a mailed code, and lock nobody out', async () => {
    const person = await newcomer()
    const counter = `subject_type = 'login_account' and subject_id = app_private.login_subject($1)`
    for (let i = 0; i < 3; i += 1) await person.login(wrong, null, from(`203.0.113.${110 + i}`))
    expect(await rows(`select count from app_private.rate_limits where ${counter}`, [person.email])).toEqual([
      { count: 3 },
    ])
    await rows(`update app_private.rate_limits set count = 50 where ${counter}`, [person.email])
    const required = { sqlstate: 'FH401', code: 'CODE_REQUIRED' }
    const place = (i: number) => from(`203.0.113.${120 + i}`)
    // The right password alone tells the guesser nothing, and no more does the wrong one.
    expect((await person.login(PASSWORD, null, place(1))).refusal).toMatchObject(required)
    expect((await person.login(wrong, null, place(2))).refusal).toMatchObject(required)
    expect((await person.login(PASSWORD, 'a guessed code', place(3))).refusal).toEqual(INVALID)
    expect(await mailsTo(person.email)).toEqual(['verify_email', 'login_code'])
    const code = await mailedToken(database, 'login_code', person.email)
    expect(code).toMatch(/^[0-9a-f]{16}$/)
    expect((await person.login(wrong, code, place(4))).refusal).toEqual(INVALID)
    expect((await person.login(PASSWORD, code, place(5))).refusal).toBeNull()
    await rows(`update app_private.rate_limits set count = 50 where ${counter}`, [person.email])
    expect((await person.login(PASSWORD, code, place(6))).refusal).toEqual(INVALID)
    // A device that is known is not asked.
    expect((await person.login(PASSWORD, null, place(7), person.deviceToken)).refusal).toBeNull()
    expect((await person.login(PASSWORD, null, place(7), 'fh_device_guessed')).refusal).toMatchObject(required)
    // Nobody learns by this which addresses have accounts, and a stranger gets no mail.
    await rows(
      `insert into app_private.rate_limits (subject_type, subject_id, window_seconds, window_start, count, "limit")
       select subject_type, app_private.login_subject('who.else@example.test'), window_seconds, window_start, 50, 50
       from app_private.rate_limits where ${counter}`,
      [person.email],
    )
    const stranger = await login('who.else@example.test', wrong, '203.0.113.128')
    expect(stranger).toEqual(await person.login(wrong, null, place(9)))
    expect(
      await rows(`select kind, user_id from app_private.emails where recipient = 'who.else@example.test'`),
    ).toEqual([{ kind: 'login_code', user_id: null }])
  })

  test('with the token of a device are counted for that device alone', async () => {
    const person = await newcomer()
    const other = await newcomer()
    const place = from('203.0.113.150')
    // It is theirs and nobody else's: with a foreign one the counts go on.
    for (let i = 0; i < 3; i += 1) await person.login(wrong, null, place, other.deviceToken)
    expect((await person.login(wrong, null, place, other.deviceToken)).refusal).toMatchObject(tooMany(1))
    for (let i = 0; i < 10; i += 1)
      expect((await person.login(wrong, null, place, person.deviceToken)).refusal).toEqual(INVALID)
    expect((await person.login(PASSWORD, null, place, person.deviceToken)).refusal).toMatchObject(tooMany(1))
    expect((await person.login()).refusal).toBeNull()
    // Prolonged when it is used, and made anew when it is not theirs.
    await clock.advance(900)
    expect((await person.login(PASSWORD, null, place, person.deviceToken)).device_token).toBe(person.deviceToken)
    expect((await person.login(PASSWORD, null, place, other.deviceToken)).device_token).not.toBe(other.deviceToken)
    for (let i = 0; i < 25; i += 1) await person.login()
    expect(await rows('select from app_private.device_tokens where user_id = $1', [person.id])).toHaveLength(20)
  })
})

test('after thirty failures an origin is refused before any password is looked at; others are not', async () => {
  const person = await newcomer()
  const ip = '203.0.113.30'
  for (let i = 0; i < 2; i += 1) await login(`unknown${i}@example.test`, PASSWORD, ip)
  const counter = `subject_type = 'login_failure' and subject_id = '${ip}'`
  expect(await rows(`select count from app_private.rate_limits where ${counter}`)).toEqual([{ count: 2 }])
  await rows(`update app_private.rate_limits set count = 29 where ${counter}`)
  expect((await person.login('nope nope nope', null, from(ip))).refusal).toEqual(INVALID)
  expect((await person.login(PASSWORD, null, from(ip))).refusal).toMatchObject(tooMany(900))
  expect((await person.login(PASSWORD, null, from(ip), person.deviceToken)).refusal).toBeNull()
  expect((await person.login(PASSWORD, null, from('203.0.113.31'))).refusal).toBeNull()
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

  test('is set anew by a mailed token, once, and every session ends', async () => {
    const person = await newcomer()
    const sessions = [await person.login(), await person.login()]
    expect(await request(person.email)).toEqual(DONE)
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
    const mails = (email: string) =>
      rows(`select user_id from app_private.emails where kind = 'reset_password' and recipient = $1`, [email])
    for (let i = 0; i < 7; i += 1) {
      expect(await request('nobody-knows@example.test')).toEqual(await request(person.email))
    }
    // What is nobody's is never sent (test/worker/mail.test.ts), and its token opens nothing.
    expect(await mails('nobody-knows@example.test')).toEqual(Array(5).fill({ user_id: null }))
    expect(await mails(person.email)).toEqual(Array(5).fill({ user_id: person.id }))
    const tokenOf = (email: string) => mailedToken(database, 'reset_password', email)
    expect(await refusal(reset(await tokenOf('nobody-knows@example.test')))).toEqual(notValid)
    // The last one that was mailed works.
    expect(await reset(await tokenOf(person.email))).toEqual(DONE)
  })

  test('may be asked for sixty times an hour from one origin', async () => {
    const person = await newcomer()
    const requestFrom = (ip: string) =>
      askOne(database, from(ip), 'select * from app_public.request_password_reset($1)', [person.email])
    expect(await requestFrom('2001:db8:1:1::5')).toEqual(DONE)
    await rows(`update app_private.rate_limits set count = 60 where subject_id = '2001:db8:1:1::/64'`)
    expect((await requestFrom('2001:db8:1:1::6')).refusal).toMatchObject(tooMany(3600))
    expect(await requestFrom('2001:db8:1:2::6')).toEqual(DONE)
  })

  test('that is set anew forgets the devices, and forgives what failed from there', async () => {
    const person = await newcomer()
    for (let i = 0; i < 3; i += 1) await person.login('nope nope nope')
    expect((await person.login()).refusal).toMatchObject({ code: 'RATE_LIMITED' })
    await request(person.email)
    await askOne(database, person.from, 'select * from app_public.reset_password($1, $2)', [
      await mailedToken(database, 'reset_password', person.email),
      NEW,
    ])
    expect(await rows('select from app_private.device_tokens where user_id = $1', [person.id])).toEqual([])
    expect((await person.login(NEW)).refusal).toBeNull()
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
