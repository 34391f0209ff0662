import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKS_OF_SEVERAL, errorTable, mapDatabaseError, refusalError, ServerError } from '../../src/errors.ts'
import { withoutSecrets } from '../../src/log.ts'
import { startApi, type Api } from './api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
  await api.database.owner.query(`
    create function app_public.fail(state text, detail text default null) returns text language plpgsql stable
    as $$ begin raise exception using errcode = state, message = 'secret_table is broken', detail = coalesce(detail, ''); end $$;
    grant execute on function app_public.fail(text, text) to app_user`)
})
afterAll(() => api.close())

const databaseError = (code: string, rest: object = {}) =>
  Object.assign(new Error('relation "projects_p202601" leaks'), { severity: 'ERROR', code, ...rest })

test('every row of the table is whole and unambiguous', () => {
  const keys = errorTable.map(({ source, match }) => `${source} ${match}`)
  expect(new Set(keys).size).toBe(keys.length)
  for (const row of errorTable) {
    expect(row.code).toMatch(/^[A-Z][A-Z_]+$/)
    expect(row.message).toMatch(/^[A-Z].*\.$/)
    expect(row.httpStatus).toBeGreaterThanOrEqual(400)
  }
})

test('every constraint in the table is one of the database, or a unique index', async () => {
  const names = errorTable.filter(({ source }) => source === 'constraint').map(({ match }) => match)
  const { rows } = await api.database.superuser.query<{ name: string }>(
    `select conname as name from pg_constraint where conname = any ($1)
    union
    select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where i.indisunique and c.relname = any ($1)`,
    [names],
  )
  expect(rows.map(({ name }) => name).sort()).toEqual([...names].sort())
})

test('every form that a domain of the API asks for is said in words', async () => {
  const { rows } = await api.database.superuser.query<{ conname: string }>(
    `select conname from pg_constraint where contypid <> 0 and connamespace = 'app_public'::regnamespace`,
  )
  expect(rows.length).toBeGreaterThan(3)
  const known = errorTable.map(({ match }) => match)
  expect(rows.map(({ conname }) => conname).filter((name) => !known.includes(name))).toEqual([])

  const refusalOf = async (field: string, input: string) => {
    const { errors } = await api.ask('alice', `mutation { ${field}(input: {${input}}) { clientMutationId } }`)
    return [errors?.[0]?.extensions.code, errors?.[0]?.message]
  }
  expect(await refusalOf('register', 'email: "nope", password: "long enough", name: "N"')).toEqual([
    'BAD_USER_INPUT',
    'An e-mail address is name@host.domain, at most 255 characters.',
  ])
  expect(await refusalOf('createTenant', 'name: "N", slug: "x"')).toEqual([
    'BAD_USER_INPUT',
    'A slug has 2 to 63 lower-case letters, digits and dashes, and does not begin with a dash.',
  ])
})

test('what a column refuses names its field', async () => {
  const { rows } = await api.database.superuser.query<{ name: string }>(
    `select c.conname as name
    from pg_constraint c
    join pg_class t on t.oid = c.conrelid
    where c.contype = 'c' and c.connamespace = 'app_public'::regnamespace and not t.relispartition
      and c.conname !~ '_(finite|plain_[a-z]+)_check$' and not exists (
        select from pg_attribute a
        where a.attrelid = t.oid and a.attnum = any (c.conkey) and c.conname = t.relname || '_' || a.attname || '_check')`,
  )
  expect(rows.map(({ name }) => name).sort()).toEqual([...CHECKS_OF_SEVERAL].sort())

  const refusalOf = async (patch: string) => {
    const { errors } = await api.ask(
      'alice',
      `mutation ($id: UUID!) { updateProject(input: {id: $id, patch: {${patch}}}) { clientMutationId } }`,
      { id: api.ids.projects.shop },
    )
    return [errors?.[0]?.message, errors?.[0]?.extensions]
  }
  const extensions = (field: string) => ({ code: 'BAD_USER_INPUT', detail: { field } })
  expect(await refusalOf('memoryLimitMb: -1')).toEqual([
    'memoryLimitMb is out of range or has the wrong form.',
    extensions('memoryLimitMb'),
  ])
  expect(await refusalOf('slug: null')).toEqual(['slug is required.', extensions('slug')])
})

test('every status that a function raises is in the table', () => {
  const functions = join(import.meta.dirname, '../../functions')
  const raised = new Set<string>()
  for (const file of readdirSync(functions, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.sql'),
  )) {
    const text = readFileSync(join(functions, file), 'utf8')
    for (const [, status] of text.matchAll(/(?:raise_error\(\s*|\bFH)(\d{3})\b/g)) raised.add(`FH${status}`)
  }
  expect(raised.size).toBeGreaterThan(5)
  const known = errorTable.filter(({ source }) => source === 'sqlstate').map(({ match }) => match)
  expect([...raised].filter((state) => !known.includes(state))).toEqual([])
})

test('our own errors show their message, the code of their detail, and the rest of it', () => {
  const error = databaseError('FH422', {
    message: 'It is finished',
    detail: '{"code": "DEPLOYMENT_TRANSITION_NOT_ALLOWED", "from": "ready"}',
    hint: 'Make a new one',
  })
  expect(mapDatabaseError(error)).toEqual({
    code: 'DEPLOYMENT_TRANSITION_NOT_ALLOWED',
    message: 'It is finished',
    httpStatus: 422,
    detail: { from: 'ready' },
    hint: 'Make a new one',
  })
  expect(mapDatabaseError(databaseError('FH404', { detail: 'not JSON' }))).toMatchObject({
    code: 'NOT_FOUND',
    httpStatus: 404,
  })
  expect(
    mapDatabaseError(
      refusalError({ sqlstate: 'FH429', code: 'RATE_LIMITED', message: 'Slowly', retryAfterSeconds: 60 }),
    ),
  ).toEqual({ code: 'RATE_LIMITED', message: 'Slowly', httpStatus: 429, detail: { retryAfterSeconds: 60 } })
})

test("PostgreSQL's errors show our message only", () => {
  for (const state of ['42501', '23505', '23503', '22P02', '57014', '40001', '40P01', '55P03', '53300', '57P01']) {
    const shown = mapDatabaseError(databaseError(state, { detail: 'Key (email)=(a@b.test) exists', table: 'projects' }))
    expect(shown).not.toBeNull()
    expect(JSON.stringify(shown)).not.toMatch(/projects|leaks|a@b/)
  }
  expect(mapDatabaseError(databaseError('23505', { constraint: 'projects_slug_key' }))?.code).toBe('PROJECT_SLUG_TAKEN')
  expect(mapDatabaseError(databaseError('42P01'))).toBeNull()
  expect(mapDatabaseError(databaseError('XX000'))).toBeNull()
})

test('a failed check is the input, a missing partition is ours', () => {
  expect(mapDatabaseError(databaseError('23514', { constraint: 'x_check' }))?.code).toBe('BAD_USER_INPUT')
  expect(mapDatabaseError(databaseError('23514'))).toBeNull()
})

test('an error is found behind the errors that wrap it', () => {
  expect(mapDatabaseError(new Error('outer', { cause: databaseError('FH403') }))?.code).toBe('FORBIDDEN')
  expect(
    mapDatabaseError(Object.assign(new Error('outer'), { originalError: new ServerError('NOT_FOUND') }))?.code,
  ).toBe('NOT_FOUND')
  expect(mapDatabaseError(new Error('Connection terminated unexpectedly'))?.code).toBe('UNAVAILABLE')
  expect(mapDatabaseError(new Error('anything else'))).toBeNull()
  expect(mapDatabaseError('not even an error')).toBeNull()
})

test('what looks like a credential never gets into the log', () => {
  const text = withoutSecrets(
    'Bearer abc.def fh_live_k1_0123456789abcdef whsec_AAAA postgres://u:pa55@h/db Failing row contains (1, hush).',
  )
  expect(text).not.toMatch(/abc\.def|0123456789|AAAA|pa55|hush/)
})
