import express, { type Express } from 'express'
import pg from 'pg'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { ServerError } from '../../errors.ts'
import { factsOf } from '../request.ts'

export interface AuditDeps {
  /** Connections of freehold_authenticator. */
  pool: pg.Pool
  /** Longest body of one event, in bytes; a batch may have ten times that. */
  bodyMaxBytes: number
}

const BATCH_TYPES = ['application/x-ndjson', 'application/ndjson']

interface LineError {
  /** Line of the body, from 1. */
  line: number
  message: string
}

/**
 * POST /audit, for daemons that hold an API key which may write: one AuditEvent as JSON, or up to 10 000 as NDJSON, one a line.
 * Answers 200 {stored, duplicates}; an event whose id is known is not stored again. When one line is not valid nothing is stored,
 * and 422 AUDIT_EVENTS_NOT_VALID lists {line, message} in detail.errors. Installed after authentication.
 */
export function installAudit(app: Express, { pool, bodyMaxBytes }: AuditDeps): void {
  app.post(
    '/audit',
    (req, _res, next) => {
      // Before a batch is read, which may be large.
      if (factsOf(req).claims?.role !== 'app_user') throw new ServerError('UNAUTHENTICATED')
      if (!req.is(['application/json', ...BATCH_TYPES])) {
        throw new ServerError('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json or application/x-ndjson.')
      }
      next()
    },
    express.text({ type: BATCH_TYPES, limit: bodyMaxBytes * 10 }),
    async (req, res) => {
      const { events, lines } = req.is(BATCH_TYPES)
        ? parseLines(typeof req.body === 'string' ? req.body : '')
        : { events: [req.body as unknown], lines: [1] }
      const answer = await withTenant(pool, factsOf(req).claims!, (client) =>
        call(client, 'app_public.record_audit_events', { events }),
      ).catch((error: unknown) => {
        throw withLines(error, lines)
      })
      res.setHeader('Cache-Control', 'no-store')
      res.json(answer)
    },
  )
  app.all('/audit', (_req, res) => {
    res.setHeader('Allow', 'POST')
    throw new ServerError('METHOD_NOT_ALLOWED')
  })
}

/** One value a line, blank lines left out; `lines[i]` is where `events[i]` stood. @throws AUDIT_EVENTS_NOT_VALID, naming every line that is not JSON. */
function parseLines(body: string): { events: unknown[]; lines: number[] } {
  const events: unknown[] = []
  const lines: number[] = []
  const errors: LineError[] = []
  for (const [index, text] of body.split('\n').entries()) {
    if (text.trim() === '') continue
    try {
      events.push(JSON.parse(text))
      lines.push(index + 1)
    } catch {
      errors.push({ line: index + 1, message: 'it is not JSON' })
    }
  }
  if (errors.length > 0) throw notValid(errors)
  return { events, lines }
}

const notValid = (errors: LineError[]) =>
  new ServerError('AUDIT_EVENTS_NOT_VALID', 'Nothing was stored: some events are not valid', { errors })

/** The database counts events, the client counts lines. */
function withLines(error: unknown, lines: number[]): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code !== 'FH422') return error
  const { code, errors } = JSON.parse(error.detail ?? '{}') as { code?: string; errors?: LineError[] }
  if (code !== 'AUDIT_EVENTS_NOT_VALID' || !errors) return error
  return notValid(errors.map(({ line, message }) => ({ line: lines[line - 1] ?? line, message })))
}
