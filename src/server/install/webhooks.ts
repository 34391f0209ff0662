import type { IncomingMessage } from 'node:http'
import type { Express, Request, Response } from 'express'
import type pg from 'pg'
import { z } from 'zod'
import { call } from '../../db/call.ts'
import { lendingKeys } from '../../db/keys.ts'
import { ServerError } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import { makeRoom, takeRoom } from '../room.ts'

export interface WebhooksDeps {
  /** Connections of freehold_authenticator, given the key ring. */
  pool: pg.Pool
  log: Logger
  /** Longest body that is read. One source may have twice that in flight, a process four times. */
  maxBytes: number
  /** A body that is not there after so long is not waited for, milliseconds. */
  bodyTimeoutMs?: number
}

/** Look-ups of sources at once; what comes on top is a flood, and would keep everybody else from the database. */
const MAX_LOOKUPS = 50
const BODY_TIMEOUT_MS = 20_000
const RETRY_AFTER_S = 5

const SourceId = z.uuid()

/** What app_private.receive_webhook answers. */
const Receipt = z.object({ status: z.number(), duplicate: z.boolean(), webhookEventId: z.uuid().optional() })

/** Headers that are ours to know, and nothing for the inbox. */
const PRIVATE = new Set(['authorization', 'cookie', 'proxy-authorization'])

/**
 * POST /webhooks/<provider>/<source id>: hands the bytes as they came to the database, which checks their signature, stores them and
 * adds the job that applies them. 202 when they are stored, 200 when they were before; nothing is stored of what is refused.
 * Anybody may post here, so the database is asked for the source before a byte is read, and what comes has a place to be kept.
 */
export function installWebhooks(
  app: Express,
  { pool, log, maxBytes, bodyTimeoutMs = BODY_TIMEOUT_MS }: WebhooksDeps,
): void {
  const path = '/webhooks/:provider/:sourceId'
  const room = makeRoom({ total: 4 * maxBytes, each: 2 * maxBytes })
  let lookups = 0

  async function findSource(params: Record<string, string>) {
    const id = SourceId.safeParse(params.sourceId)
    if (!id.success) throw new ServerError('NOT_FOUND', 'No such webhook source')
    if (lookups >= MAX_LOOKUPS) throw new ServerError('OVERLOADED')
    const source = { provider: params.provider!, webhook_source_id: id.data }
    lookups += 1
    try {
      await call(pool, 'app_private.require_webhook_source', source)
    } finally {
      lookups -= 1
    }
    return source
  }

  async function receive(req: Request<Record<string, string>>, res: Response): Promise<void> {
    const source = await findSource(req.params)
    // Not inflated: the signature is over the bytes that were sent, and a small body must not become a large one.
    if ((req.headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new ServerError('UNSUPPORTED_MEDIA_TYPE', 'A webhook must not be compressed.')
    const declared = req.headers['content-length']
    if (declared !== undefined && Number(declared) > maxBytes) throw new ServerError('PAYLOAD_TOO_LARGE')
    log.debug({ source: source.webhook_source_id }, 'webhook expected')
    // For what has come, not for what is announced: who announces much and sends nothing would keep everybody else out.
    const places: (() => void)[] = []
    const keep = (bytes: number) => void places.push(takeRoom(room, source.webhook_source_id, bytes))
    try {
      const body = await readBody(req, maxBytes, bodyTimeoutMs, keep)
      const headers = Object.fromEntries(
        Object.entries(req.headers).flatMap(([name, value]) =>
          typeof value !== 'string' || PRIVATE.has(name) ? [] : [[name, value]],
        ),
      )
      const answer = await call(lendingKeys(pool), 'app_private.receive_webhook', { ...source, headers, body })
      const { status, ...receipt } = Receipt.parse(answer)
      log.debug(
        { webhookEventId: receipt.webhookEventId, duplicate: receipt.duplicate, bytes: body.length },
        'webhook received',
      )
      res.status(status).json(receipt)
    } finally {
      for (const leave of places) leave()
    }
  }

  app.post(path, async (req, res) => {
    try {
      await receive(req, res)
    } catch (error) {
      // What was not read is not read for the sake of the next request on this connection.
      if (!req.complete) res.setHeader('Connection', 'close')
      if (error instanceof ServerError && (error.code === 'OVERLOADED' || error.code === 'TOO_MUCH_IN_FLIGHT'))
        res.setHeader('Retry-After', String(RETRY_AFTER_S))
      throw error
    }
  })
  app.all(path, (_req, res) => {
    res.setHeader('Allow', 'POST')
    throw new ServerError('METHOD_NOT_ALLOWED')
  })
}

/** The bytes as they came. @throws PAYLOAD_TOO_LARGE, what `keep` throws, REQUEST_TIMEOUT, or BAD_REQUEST when the sender goes away. */
function readBody(
  req: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
  keep: (bytes: number) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const end = (settle: () => void) => {
      clearTimeout(timer)
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      req.pause()
      settle()
    }
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) return end(() => reject(new ServerError('PAYLOAD_TOO_LARGE')))
      try {
        keep(chunk.length)
      } catch (error) {
        return end(() => reject(error as ServerError))
      }
      chunks.push(chunk)
    }
    const onEnd = () => end(() => resolve(Buffer.concat(chunks, bytes)))
    const onGone = () => end(() => reject(new ServerError('BAD_REQUEST', 'The body ended early.')))
    const timer = setTimeout(() => end(() => reject(new ServerError('REQUEST_TIMEOUT'))), timeoutMs)
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}
