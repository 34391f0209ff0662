import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { makeHttpServer } from '../../src/server/httpServer.ts'
import { until } from '../support/until.ts'

const TIMES = { headersTimeout: 200, requestTimeout: 400, keepAliveTimeout: 1000, connectionsCheckingInterval: 50 }

async function serve(options: Parameters<typeof makeHttpServer>[1]) {
  const server = makeHttpServer((req, res) => {
    req.resume().on('end', () => res.end('whole'))
  }, options)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets: Socket[] = []
  return {
    open(text = '') {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      let said = ''
      socket.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
      socket.on('error', () => {})
      socket.write(text)
      sockets.push(socket)
      return { socket, said: () => said, closed: new Promise((resolve) => socket.once('close', resolve)) }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a head or a body that does not come is not waited for, and one that comes is answered', async () => {
  const server = await serve({ times: TIMES })
  const head = server.open('POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  const body = server.open('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx')
  const whole = server.open('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx')
  await Promise.all([head.closed, body.closed])
  expect([head.said().split('\r\n')[0], body.said().split('\r\n')[0]]).toEqual([
    'HTTP/1.1 408 Request Timeout',
    'HTTP/1.1 408 Request Timeout',
  ])
  expect(whole.said()).toMatch(/^HTTP\/1.1 200 .*whole/s)
  await server.close()
})

test.each([
  ['as many connections as 500', 0, 20],
  ['as many as the proxy in front of us has', 1, 0],
])('one address holds %s', async (_what, trustedProxies, surplus) => {
  const server = await serve({ trustedProxies })
  const opened = Array.from({ length: 520 }, () => server.open())
  let closed = 0
  for (const { socket } of opened) socket.once('close', () => closed++)
  const ask = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const { socket } of opened) socket.write(ask)
  await until(() => opened.filter(({ said }) => said().includes('200 OK')).length + closed === 520)
  expect(closed).toBe(surplus)
  await server.close()
})

test('a body in crumbs is hung up on, and one in pieces of some size is not, nor a short one', async () => {
  const server = await serve({})
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
  const pieces = (count: number, size: number) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`.repeat(count)
  const crumbs = server.open(head + pieces(2000, 1))
  const sized = server.open(`${head}${pieces(2000, 200)}0\r\n\r\n`)
  const short = server.open(`${head}${pieces(900, 1)}0\r\n\r\n`)
  await crumbs.closed
  await until(() => [sized, short].every(({ said }) => said().includes('whole')))
  expect(crumbs.said()).toBe('')
  await server.close()
})
