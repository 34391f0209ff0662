import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from '../graphql/limits/networkOf.ts'
import { plainAddress } from './request.ts'
import { makeTally } from './tally.ts'

/** How long a client may take: for the head, for the whole request, and between two of them. */
const TIMES = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 2000,
}
const MAX_HEADER_SIZE = 16_384
/** Connections of one address (IPv6: a /64); behind a proxy all are the proxy's, so there it is the proxy that counts. */
const CONNECTIONS_OF_ONE = 500

/** Pieces of a body that may be of any size, and how many bytes the rest have to have on average. */
const PIECES = 1000
const BYTES_OF_A_PIECE = 128

/**
 * Hangs up on whoever sends a body byte by byte, each in a chunk of its own: what is kept of a piece takes some 300 bytes of memory
 * besides its own, however small it is, so that bodies in bounds filled it.
 */
function refuseCrumbs(request: IncomingMessage): void {
  const push = request.push.bind(request)
  let pieces = 0
  let bytes = 0
  request.push = (piece: Buffer | null, encoding?: BufferEncoding) => {
    if (request.destroyed) return false
    if (piece === null) return push(piece, encoding)
    pieces += 1
    bytes += piece.length
    if (pieces <= PIECES || bytes >= pieces * BYTES_OF_A_PIECE) return push(piece, encoding)
    request.destroy()
    return false
  }
}

/** The HTTP server of a process: one that slow clients cannot fill. */
export function makeHttpServer(
  handler: RequestListener,
  { trustedProxies = 0, times = TIMES }: { trustedProxies?: number; times?: typeof TIMES } = {},
): Server {
  const server = createServer({ ...times, maxHeaderSize: MAX_HEADER_SIZE }, (request, response) => {
    refuseCrumbs(request)
    handler(request, response)
  })
  if (trustedProxies > 0) return server
  const connections = makeTally(CONNECTIONS_OF_ONE)
  server.on('connection', (socket: Socket) => {
    const network = [networkOf(plainAddress(socket.remoteAddress))]
    if (connections.isFull(network)) socket.destroy()
    else socket.once('close', connections.take(network))
  })
  return server
}
