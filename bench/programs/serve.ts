import { once } from 'node:events'
import { createServer, Server, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** First message of the parent: what to be. */
export async function options<T>(): Promise<T> {
  const [message] = (await once(process, 'message')) as [T]
  return message
}

/** Serves on a free port until the parent lets go. */
export function serve(handler: RequestListener | Server): void {
  const server = (handler instanceof Server ? handler : createServer(handler)).listen(0, '127.0.0.1', () => {
    process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  })
  process.on('disconnect', () => process.exit(0))
}
