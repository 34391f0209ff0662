import express, { type Express } from 'express'
import type pg from 'pg'
import { z } from 'zod'
import { call } from '../../db/call.ts'
import { lendingKeys } from '../../db/keys.ts'
import { ServerError } from '../../errors.ts'
import type { Logger } from '../../log.ts'

export interface WebhooksDeps {
  /** Connections of freehold_authenticator, given the key ring. */
  pool: pg.Pool
  log: Logger
  /** Longest body that is read. */
  maxBytes: number
}

const SourceId = z.uuid()

/** What app_private.receive_webhook answers. */
const Receipt = z.object({ status: z.number(), duplicate: z.boolean(), webhookEventId: z.uuid().optional() })

/** Headers that are ours to know, and nothing for the inbox. */
const PRIVATE = new Set(['authorization', 'cookie', 'proxy-authorization'])

/**
 * POST /webhooks/<provider>/<source id>: hands the bytes as they came to the database, which checks their signature, stores them and
 * adds the job that applies them. 202 when they are stored, 200 when they were before; nothing is stored of what is refused.
 */
export function installWebhooks(app: Express, { pool, log, maxBytes }: WebhooksDeps): void {
  const path = '/webhooks/:provider/:sourceId'
  const source = (params: Record<string, string>) => {
    const id = SourceId.safeParse(params.sourceId)
    if (!id.success) throw new ServerError('NOT_FOUND', 'No such webhook source')
    return { provider: params.provider!, webhook_source_id: id.data }
  }

  app.post(
    path,
    (req, _res, next) => {
      // Before the body is read, which may be large.
      source(req.params)
      next()
    },
    // Not inflated: the signature is over the bytes that were sent, and a small body must not become a large one.
    express.raw({ type: () => true, limit: maxBytes, inflate: false }),
    async (req, res) => {
      const body: Buffer = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
      const headers = Object.fromEntries(
        Object.entries(req.headers).flatMap(([name, value]) =>
          typeof value !== 'string' || PRIVATE.has(name) ? [] : [[name, value]],
        ),
      )
      const answer = await call(lendingKeys(pool), 'app_private.receive_webhook', {
        ...source(req.params),
        headers,
        body,
      })
      const { status, ...receipt } = Receipt.parse(answer)
      log.debug(
        { webhookEventId: receipt.webhookEventId, duplicate: receipt.duplicate, bytes: body.length },
        'webhook received',
      )
      res.status(status).json(receipt)
    },
  )
  app.all(path, (_req, res) => {
    res.setHeader('Allow', 'POST')
    throw new ServerError('METHOD_NOT_ALLOWED')
  })
}
