/** Many people, each at an address of their own, who log in at the same moment with a wrong password. */
import { Agent, request } from 'node:http'

export interface CrowdOrder {
  readonly url: string
  readonly count: number
}

export interface CrowdAnswer {
  /** Log-ins whose password was looked at. */
  readonly checked: number
  /** Those that were told to come back. */
  readonly refused: number
}

const LOGIN =
  'mutation ($email: String!) { login(input: {email: $email, password: "a guess at it"}) { result { token } } }'
const agent = new Agent({ maxSockets: 1000 })
let people = 0

process.on('message', ({ url, count }: CrowdOrder) => {
  Promise.all(Array.from({ length: count }, () => logIn(url))).then(
    (codes) =>
      process.send!({
        checked: codes.filter((code) => code === 'INVALID_CREDENTIALS').length,
        refused: codes.filter((code) => code === 'OVERLOADED').length,
      } satisfies CrowdAnswer),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

function logIn(url: string): Promise<string | undefined> {
  const n = (people += 1)
  const body = JSON.stringify({ query: LOGIN, variables: { email: `person${n}@example.test` } })
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-forwarded-for': `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
  }
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (text += chunk))
      answer.on('end', () => resolve(/"code":"([A-Z_]+)"/.exec(text)?.[1]))
      answer.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
