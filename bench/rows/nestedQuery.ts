import { startServer } from '../children.ts'
import { openHttpRaces } from '../httpRace.ts'
import { populate } from '../populate.ts'
import type { Row } from '../row.ts'

const ROUNDS = 40

/** What the page of a project shows. */
export const DASHBOARD = /* GraphQL */ `
  query Dashboard($id: UUID!) {
    project(id: $id) {
      id
      name
      status
      visibility
      owner {
        name
        avatarUrl
      }
      deployments(first: 10, orderBy: [CREATED_AT_DESC]) {
        nodes {
          id
          status
          commitSha
          branch
          isCurrent
          createdAt
          deployedByUser {
            name
            avatarUrl
          }
          statusHistory(first: 5) {
            nodes {
              fromStatus
              toStatus
              createdAt
            }
          }
        }
      }
    }
  }
`

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.USTZH:TZM'`

/** The same as one statement; timestamps and enums in the words of the API. */
export const DASHBOARD_SQL = `
  select row_to_json(x) as data
  from (
    select p.id, p.name, upper(p.status::text) as status, upper(p.visibility::text) as visibility,
      (select row_to_json(o) from (select u.name, u.avatar_url as "avatarUrl" from app_public.users u where u.id = p.owner_id) o) as owner,
      json_build_object('nodes', array(
        select row_to_json(y)
        from (
          select d.id, upper(d.status::text) as status, d.commit_sha as "commitSha", d.branch, d.is_current as "isCurrent",
            to_char(d.created_at, ${TIME}) as "createdAt",
            (select row_to_json(o) from (select u.name, u.avatar_url as "avatarUrl" from app_public.users u where u.id = d.deployed_by) o) as "deployedByUser",
            json_build_object('nodes', array(
              select row_to_json(z)
              from (
                select upper(h.from_status::text) as "fromStatus", upper(h.to_status::text) as "toStatus",
                  to_char(h.created_at, ${TIME}) as "createdAt"
                from app_public.deployment_status_history h
                where h.tenant_id = d.tenant_id and h.deployment_id = d.id
                order by h.id limit 5) z)) as "statusHistory"
          from app_public.deployments d
          where d.tenant_id = p.tenant_id and d.project_id = p.id
          order by d.created_at desc limit 10) y)) as deployments
    from app_public.projects p
    where p.tenant_id = (select app_hidden.current_tenant_id()) and p.id = $1) x`

export const row: Row = {
  name: 'nestedQuery',
  promise: 'nested GraphQL query, requests/s against hand-written Express + pg',
  budget: 0.8,
  direction: 'at least',
  async run(bench) {
    const urls = await bench.database()
    const people = await populate(
      urls.superuser,
      { tenants: 50, projects: 20, deployments: 20, moves: 4 },
      10,
      bench.log,
    )
    const common = {
      authenticatorUrl: urls.authenticator,
      keyring: bench.config.secretKeys,
      poolSize: bench.config.poolSize,
    }
    bench.log('Servers and a client.')
    const [api, hand, logged] = await Promise.all([
      startServer(bench, 'api', { ...common, config: bench.config }),
      startServer(bench, 'handWritten', { ...common, sql: DASHBOARD_SQL, isLogged: false, isRaw: false }),
      startServer(bench, 'handWritten', { ...common, sql: DASHBOARD_SQL, isLogged: true, isRaw: false }),
    ])
    const asked = people.flatMap(({ token, projectIds }) => projectIds.map((id) => ({ token, id })))
    const rest = asked.map(({ token, id }) => ({ token, body: JSON.stringify({ id }) }))
    const runners = {
      api: {
        server: api,
        path: '/graphql',
        requests: asked.map(({ token, id }) => ({
          token,
          body: JSON.stringify({ query: DASHBOARD, variables: { id } }),
        })),
      },
      hand: { server: hand, path: '/project', requests: rest },
      logged: { server: logged, path: '/project', requests: rest },
    }
    const { answer, race } = await openHttpRaces(bench, urls.superuser)
    for (const index of [0, -1]) {
      const [ours, theirs] = [await answer(runners.api, index), await answer(runners.hand, index)]
      if (ours !== theirs || !ours.includes('READY')) throw new Error(`The answers differ:\n${ours}\n${theirs}`)
    }
    // Counted against the endpoint that does all the same: authentication, claims, policies, and a line in the log.
    const alike = await race(runners.api, runners.logged, ROUNDS)
    const bare = await race(runners.api, runners.hand, ROUNDS / 2)
    return [
      { label: 'requests/s', ratios: alike.speed },
      { label: 'processor time', ratios: alike.cost, isCounted: false },
      { label: 'requests/s, an endpoint without a request log', ratios: bare.speed, isCounted: false },
      { label: 'processor time, an endpoint without a request log', ratios: bare.cost, isCounted: false },
    ]
  },
}
