/**
 * The client: keep-alive connections, each with one request under way. It writes and reads bare bytes, because what it costs is paid
 * out of the same processors and would blur the ratio.
 */
import { connect } from 'node:net'

/** One kind of request; the body and the token change from one to the next. */
export interface LoadOrder {
  readonly url: string
  readonly requests: readonly { readonly token: string; readonly body: string }[]
  readonly connections: number
  readonly ms: number
}

export interface LoadAnswer {
  /** Requests answered a second. */
  readonly speed: number
  readonly count: number
  /** Body of the last answer. */
  readonly sample: string
}

process.on('message', (order: LoadOrder) => {
  load(order).then(
    (answer) => process.send!(answer),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

async function load({ url, requests, connections, ms }: LoadOrder): Promise<LoadAnswer> {
  const { hostname, port, pathname } = new URL(url)
  const messages = requests.map(({ token, body }) =>
    Buffer.from(
      `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  )
  const start = performance.now()
  const end = start + ms
  let count = 0
  let turn = 0
  let sample = ''

  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect({ host: hostname, port: Number(port), noDelay: true })
          let held: Buffer | undefined
          const send = () => void socket.write(messages[turn++ % messages.length]!)
          socket.on('connect', send)
          socket.on('error', reject)
          socket.on('data', (chunk) => {
            const bytes = held ? Buffer.concat([held, chunk]) : chunk
            held = bytes
            const head = bytes.indexOf('\r\n\r\n')
            if (head < 0) return
            const headers = bytes.toString('latin1', 0, head)
            const length = Number(/\r\ncontent-length: (\d+)/i.exec(headers)?.[1])
            if (!headers.startsWith('HTTP/1.1 200') || Number.isNaN(length)) {
              socket.destroy()
              return reject(new Error(`${url} answers\n${bytes.toString('utf8', 0, 2000)}`))
            }
            if (bytes.length < head + 4 + length) return
            held = undefined
            count++
            if (performance.now() < end) return send()
            sample = bytes.toString('utf8', head + 4)
            socket.end()
            resolve()
          })
        }),
    ),
  )
  return { speed: (count * 1000) / (performance.now() - start), count, sample }
}
