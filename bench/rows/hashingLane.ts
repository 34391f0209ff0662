import { startCrowd, startLoad, startServer, type Server } from '../children.ts'
import type { Bench } from '../openBench.ts'
import { populate, type Person } from '../populate.ts'
import { quantile } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 6
const CROWD = 300
const QUERY = '{ currentUser { username } projects(first: 10) { nodes { name slug } } }'

export const row: Row = {
  name: 'hashingLane',
  promise: `p99 of another tenant's queries while ${CROWD} people log in at the same moment, against none`,
  budget: 2,
  direction: 'at most',
  async run(bench) {
    const urls = await bench.database()
    const [neighbour] = await populate(
      urls.superuser,
      { tenants: 2, projects: 20, deployments: 1, moves: 1 },
      1,
      bench.log,
    )
    const common = {
      authenticatorUrl: urls.authenticator,
      keyring: bench.config.secretKeys,
      poolSize: bench.config.poolSize,
      config: { ...bench.config, trustedProxies: 1 },
    }
    const [withLane, without] = await Promise.all([
      startServer(bench, 'api', { ...common, hashingConnections: bench.config.hashingConnections }),
      startServer(bench, 'api', common),
    ])
    const lane = await measure(bench, withLane, neighbour!)
    const none = await measure(bench, without, neighbour!)
    return [
      { label: 'with the lane', ...lane },
      { label: 'on the connections of everybody', isCounted: false, ...none },
    ]
  },
}

/** The neighbour asks one after the other: as long as a crowd is at it, and as long again when it is gone. */
async function measure(bench: Bench, server: Server, neighbour: Person) {
  const crowd = await startCrowd(bench)
  const load = await startLoad(bench)
  await load({
    url: `${server.url}/graphql`,
    requests: [{ token: neighbour.token, body: JSON.stringify({ query: QUERY }) }],
    connections: 4,
    ms: 1500,
  })
  await crowd({ url: server.url, count: 20 })
  const ratios: number[] = []
  const times: [quiet: number[], busy: number[]] = [[], []]
  let checked = 0
  for (let round = 0; round < ROUNDS; round++) {
    let isBusy = true
    const [answer, busy] = await Promise.all([
      crowd({ url: server.url, count: CROWD }).finally(() => (isBusy = false)),
      latencies(server, neighbour, () => isBusy),
    ])
    checked += answer.checked
    let left = busy.length
    const quiet = await latencies(server, neighbour, () => left-- > 0)
    ratios.push(quantile(busy, 0.99) / quantile(quiet, 0.99))
    times[0].push(...quiet)
    times[1].push(...busy)
  }
  const p99 = times.map((each) => quantile(each, 0.99).toFixed(1))
  return {
    ratios,
    note: `p99 ${p99[0]} ms alone, ${p99[1]} ms beside; ${Math.round(checked / ROUNDS)} of ${CROWD} checked`,
  }
}

async function latencies(server: Server, { token }: Person, goesOn: () => boolean): Promise<number[]> {
  const times: number[] = []
  while (goesOn() || times.length < 20) {
    const start = performance.now()
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: QUERY }),
    })
    const text = await response.text()
    if (!text.includes('"username"')) throw new Error(text)
    times.push(performance.now() - start)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return times
}
