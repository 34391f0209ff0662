/** A neighbour's normal traffic: a page's query all the time, a document that is new now and then, and a log that is listened to. */
import { request, Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { options } from './serve.ts'

export interface NeighbourOptions {
  readonly url: string
  readonly people: readonly { readonly token: string; readonly projectIds: readonly string[] }[]
  readonly query: string
}

/** Requests under way, and the pause between two of each. */
const IN_FLIGHT = 3
const PAUSE_MS = 10
/** What a request counts that was refused or cut off. */
const REFUSED_MS = 60_000
/** One request in so many brings a document of its own. */
const NEW_DOCUMENT = 12

const { url, people, query } = await options<NeighbourOptions>()
const agent = new Agent({ keepAlive: true })
let times: number[] = []
let turn = 0

function send(n: number): Promise<void> {
  const { token, projectIds } = people[n % people.length]!
  const text = n % NEW_DOCUMENT === 0 ? query.replace('Dashboard', `Dashboard${n}x${process.pid}`) : query
  const body = JSON.stringify({ query: text, variables: { id: projectIds[n % projectIds.length] } })
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const sent = request(
      `${url}/graphql`,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          authorization: `Bearer ${token}`,
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          const isAnswer = response.statusCode === 200 && !text.includes('"errors"')
          times.push(isAnswer ? performance.now() - startedAt : REFUSED_MS)
          resolve()
        })
      },
    )
    sent.on('error', () => {
      times.push(REFUSED_MS)
      resolve()
    })
    sent.end(body)
  })
}

process.on('message', () => {
  process.send!(times)
  times = []
})
process.on('disconnect', () => process.exit(0))
process.send!('begun')
await Promise.all(
  Array.from({ length: IN_FLIGHT }, async () => {
    for (;;) {
      await send(turn++)
      await sleep(PAUSE_MS)
    }
  }),
)
