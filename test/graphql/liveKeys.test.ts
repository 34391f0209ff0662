import { startApi, type Api } from './api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const one = async (sql: string, values: unknown[]): Promise<string> =>
  (await api.database.superuser.query<{ id: string }>(`${sql} returning id`, values)).rows[0]!.id

/** What had a name, and what has it now, made in this order; look-ups must tell them apart whichever comes first. */
const twins = async (insert: (deletedAt: string | null) => Promise<string>): Promise<string> => {
  await insert('2026-01-01')
  const live = await insert(null)
  await insert('2026-01-02')
  return live
}

test('a look-up by a name that was freed finds what has the name now, and nothing when nothing has', async () => {
  const { tenants, users, projects } = api.ids
  const project = await twins((deletedAt) =>
    one('insert into app_public.projects (tenant_id, owner_id, name, slug, deleted_at) values ($1, $2, $3, $4, $5)', [
      tenants.acme,
      users.bob,
      'The name',
      'freed',
      deletedAt,
    ]),
  )
  const environment = await twins((deletedAt) =>
    one(
      'insert into app_public.project_environments (tenant_id, project_id, name, deleted_at) values ($1, $2, $3, $4)',
      [tenants.acme, projects.shop, 'freed', deletedAt],
    ),
  )
  const team = await twins((deletedAt) =>
    one('insert into app_public.teams (tenant_id, name, deleted_at) values ($1, $2, $3)', [
      tenants.acme,
      'freed',
      deletedAt,
    ]),
  )
  const query = (slug: string) =>
    api.ask(
      'bob',
      `query ($slug: Slug!, $name: String!, $title: String!, $ownerId: UUID!, $projectId: UUID!) {
        projectBySlug(slug: $slug) { id }
        projectByOwnerIdAndName(ownerId: $ownerId, name: $title) { id }
        projectEnvironmentByProjectIdAndName(projectId: $projectId, name: $name) { id }
        teamByName(name: $name) { id }
      }`,
      {
        slug,
        name: slug,
        title: slug === 'freed' ? 'The name' : slug,
        ownerId: users.bob,
        projectId: projects.shop,
      },
    )
  expect(await query('freed')).toMatchObject({
    data: {
      projectBySlug: { id: project },
      projectByOwnerIdAndName: { id: project },
      projectEnvironmentByProjectIdAndName: { id: environment },
      teamByName: { id: team },
    },
  })
  for (const table of ['projects', 'project_environments', 'teams']) {
    await api.database.superuser.query(`update app_public.${table} set deleted_at = now() where id = any ($1)`, [
      [project, environment, team],
    ])
  }
  expect((await query('freed')).data).toEqual({
    projectBySlug: null,
    projectByOwnerIdAndName: null,
    projectEnvironmentByProjectIdAndName: null,
    teamByName: null,
  })
})

test('people and tenants are looked up by what is theirs now, though closed ones are still seen', async () => {
  const { tenants, users } = api.ids
  const person = await twins(async (deletedAt) => {
    const id = await one('insert into app_public.users (email, username, name, deleted_at) values ($1, $2, $3, $4)', [
      'twin@example.test',
      'twin',
      'Twin',
      deletedAt,
    ])
    await one(
      `insert into app_public.tenant_members (tenant_id, user_id, invitation_status, joined_at) values ($1, $2, 'joined', now())`,
      [tenants.acme, id],
    )
    return id
  })
  const tenant = await twins(async (deletedAt) => {
    const id = await one('insert into app_public.tenants (name, slug, domain, deleted_at) values ($1, $2, $3, $4)', [
      'Twin',
      'twin',
      'twin.example.com',
      deletedAt,
    ])
    await one(
      `insert into app_public.tenant_members (tenant_id, user_id, invitation_status, joined_at) values ($1, $2, 'joined', now())`,
      [id, users.bob],
    )
    return id
  })
  const { data } = await api.ask(
    'bob',
    `{
      userByEmail(email: "twin@example.test") { id } userByUsername(username: "twin") { id }
      tenantBySlug(slug: "twin") { id } tenantByDomain(domain: "twin.example.com") { id }
      users(filter: {username: {equalTo: "twin"}}) { totalCount }
    }`,
  )
  expect(data).toEqual({
    userByEmail: { id: person },
    userByUsername: { id: person },
    tenantBySlug: { id: tenant },
    tenantByDomain: { id: tenant },
    users: { totalCount: 3 },
  })
})
