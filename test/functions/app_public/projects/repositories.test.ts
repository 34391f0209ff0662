import { openScene, type Scene } from '../deployments/scene.ts'
import { ask, askOne } from '../../../support/ask.ts'
import { refusal } from '../../../support/refusal.ts'

let scene: Scene
let project: string
beforeAll(async () => {
  scene = await openScene()
  project = await scene.project()
})
afterAll(() => scene.database.close())

const setUrl = (url: string | null) =>
  ask(
    scene.database,
    scene.people.alice,
    'update app_public.projects set repository_url = $2 where id = $1 returning id',
    [project, url],
  )
const refused = { sqlstate: 'FH422', code: 'REPOSITORY_NOT_ALLOWED' }
const allow = (prefix: string) =>
  scene.rows('insert into app_private.allowed_repositories (prefix) values ($1) returning prefix', [prefix])

test.each([
  'ext::sh -c id',
  '--upload-pack=touch /tmp/x',
  '-u',
  'http://git.test/a.git',
  'git://git.test/a.git',
  'ssh://git@git.test/a.git',
  'git@git.test:a/b.git',
  'file:///etc',
  '/etc/passwd',
  'https://user:secret@git.test/a.git',
  'https://token@git.test/a.git',
  'https://git.test/a.git\n--upload-pack=x',
  'https://git.test/a b',
  'https://git.test/a\u0007',
  'https://git.test/a?x=$(id)',
  'https://-git.test/a',
  'https://',
  'HTTPS::sh',
  '',
])('the repository %j is refused', async (url) => {
  expect(await refusal(setUrl(url))).toEqual(refused)
  expect(
    await refusal(
      ask(
        scene.database,
        scene.people.alice,
        `insert into app_public.projects (name, slug, repository_url) values ('x', 'refused', $1)`,
        [url],
      ),
    ),
  ).toEqual(refused)
})

test.each([
  'https://github.com/acme/shop.git',
  'https://github.com/acme/shop',
  'https://git.test:8443/scm/~bob/a_b-c.d+e',
  'https://dev.test/org/My%20Project/_git/repo/',
])('the repository %j is taken, and what is deployed is told it', async (url) => {
  expect(await setUrl(url)).toHaveLength(1)
  const { id } = await scene.request(project)
  expect(await scene.claim('r1', { id })).toMatchObject({ repo_url: url })
})

test('other addresses are taken when the platform allows how they begin', async () => {
  const good = [
    'git@git.acme.test:team/shop.git',
    'ssh://git@git.acme.test/shop.git',
    'http://git.internal/mirror/shop',
    'http://git.internal/mirror/.github/a..b%20c',
  ]
  for (const url of good) expect(await refusal(setUrl(url))).toEqual(refused)
  for (const prefix of ['git@git.acme.test:', 'ssh://git@git.acme.test/', 'http://git.internal/mirror/'])
    await allow(prefix)
  for (const url of good) expect(await setUrl(url)).toHaveLength(1)
  for (const url of [
    'git@git.acme.test:-oProxyCommand=id',
    'git@git.acme.test:a b',
    'git@git.acme.test.evil.test:a',
    'ssh://git@git.acme.test/-x',
    'http://git.internal/other/shop',
    'http://git.internal/mirror/',
    'http://git.internal/mirror/../other/shop',
    'http://git.internal/mirror/./shop',
    'http://git.internal/mirror/shop/..',
    'http://git.internal/mirror/%2e%2E/other/shop',
    'http://git.internal/mirror/a%2f..%2F../other',
    'git@git.acme.test:../../etc/shop.git',
  ])
    expect([url, await refusal(setUrl(url))]).toEqual([url, refused])
  for (const prefix of ['ext::', '-', 'file:///', '', 'https://user:pw@git.test/', 'git@git.test', 'http://a b/'])
    expect([prefix, await refusal(allow(prefix))]).toEqual([
      prefix,
      { sqlstate: '23514', code: 'allowed_repositories_prefix_check' },
    ])
})

test('a project of before keeps what it has, counts, and is deployed no more until it is put right', async () => {
  const old = await scene.project()
  const waiting = await scene.request(old)
  await scene.rows(
    `set session_replication_role = replica; update app_public.projects set repository_url = 'ext::sh -c id' where id = '${old}';
     update app_public.deployments set repo_url = 'ext::sh -c id' where id = '${waiting.id}'; reset session_replication_role`,
  )
  expect(await scene.claim('r1', { id: waiting.id })).toBeUndefined()
  expect(await refusal(scene.request(old))).toEqual(refused)
  expect(
    await askOne(
      scene.database,
      scene.people.alice,
      `update app_public.projects set name = 'Renamed' where id = $1 returning repository_url`,
      [old],
    ),
  ).toEqual({ repository_url: 'ext::sh -c id' })
  await ask(
    scene.database,
    scene.people.alice,
    `update app_public.projects set repository_url = 'https://git.test/a' where id = $1`,
    [old],
  )
  expect(await scene.request(old)).toMatchObject({ repo_url: 'https://git.test/a' })
})

test('the branch of a project is one that git takes', async () => {
  const set = (branch: string) =>
    ask(
      scene.database,
      scene.people.alice,
      'update app_public.projects set repository_branch = $2 where id = $1 returning id',
      [project, branch],
    )
  for (const branch of ['-x', '--upload-pack=id', 'a\nb', 'a..b'])
    expect(await refusal(set(branch))).toEqual({ sqlstate: 'FH422', code: 'REF_NOT_VALID' })
  expect(await set('feature/x')).toHaveLength(1)
})
