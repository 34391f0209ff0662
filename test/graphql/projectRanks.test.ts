import { startApi, type Api } from './api.ts'
import { until } from '../support/until.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

test('a lowered role bites at once: over HTTP, where claims are kept, and on a socket that is open', async () => {
  const query = `mutation ($id: UUID!) { requestDeployment(input: { projectId: $id, commitSha: "abcdef1" }) { deployment { id } } }`
  const variables = { id: api.ids.projects.shop }
  const codeOf = ({ errors }: { errors?: readonly { extensions?: unknown }[] }) =>
    errors === undefined ? 'done' : (errors[0]!.extensions as { code: string }).code
  const socket = api.socket('bob')
  const bySocket = () =>
    new Promise<string>((resolve, reject) =>
      socket.subscribe(
        { query, variables },
        { next: (answer) => resolve(codeOf(answer)), error: reject, complete: () => {} },
      ),
    )
  const byHttp = async () => codeOf(await api.ask('bob', query, variables))
  const seen = () => api.log().filter(({ revoked }) => String(revoked).startsWith('visibility:')).length
  const change = async (sql: string) => {
    const before = seen()
    await api.database.superuser.query(sql, [api.ids.projects.shop, api.ids.users.bob])
    // What was said has reached the process; nothing more is waited for.
    await until(() => seen() > before)
  }

  expect([await byHttp(), await bySocket()]).toEqual(['done', 'done'])
  await change(
    `insert into app_public.project_members (tenant_id, project_id, user_id, role)
     select tenant_id, id, $2, 'viewer' from app_public.projects where id = $1`,
  )
  expect([await byHttp(), await bySocket()]).toEqual(['FORBIDDEN', 'FORBIDDEN'])
  await change(`update app_public.project_members set role = 'developer' where project_id = $1 and user_id = $2`)
  expect([await byHttp(), await bySocket()]).toEqual(['done', 'done'])
  await change(`update app_public.project_members set role = 'member' where project_id = $1 and user_id = $2`)
  expect([await byHttp(), await bySocket()]).toEqual(['FORBIDDEN', 'FORBIDDEN'])
})
