import express, { type Express } from 'express'
import pg from 'pg'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { ServerError } from '../../errors.ts'
import { callerOf } from '../../graphql/limits/caller.ts'
import { makeTurns } from '../../graphql/limits/turns.ts'
import { factsOf } from '../request.ts'
import { makeRoom, takeRoom } from '../room.ts'
import { mustBeSmall, mustBeUtf8 } from './jsonBody.ts'

export interface AuditDeps {
  /** Connections of freehold_authenticator. */
  pool: pg.Pool
  /** Longest body of one event, in bytes; a batch may have ten times that. */
  bodyMaxBytes: number
}

const BATCH_TYPES = ['application/x-ndjson', 'application/ndjson']
/** Lines of a batch, blank ones counted: twice the events that the database takes. */
const MAX_LINES = 20_000
/** Values in all lines of a batch together. */
const MAX_VALUES = 500_000
/** Bytes that are parsed in one turn of the loop, and what a line costs besides its bytes. */
const SLICE = 65_536
const LINE = 256
/** Batches of one caller that may be on their way. Not of all: a few who send slowly would keep everybody else out. */
const BATCHES = 4

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
  const turns = makeTurns()
  const batchBytes = bodyMaxBytes * 10
  const room = makeRoom({ each: BATCHES * batchBytes, total: Infinity })
  app.post(
    '/audit',
    (req, res, next) => {
      // Before a batch is read, which may be large.
      if (factsOf(req).claims?.role !== 'app_user') throw new ServerError('UNAUTHENTICATED')
      if (!req.is(['application/json', ...BATCH_TYPES])) {
        throw new ServerError('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json or application/x-ndjson.')
      }
      if (req.is(BATCH_TYPES)) {
        mustBeUtf8(req)
        const isPlain = (req.headers['content-encoding'] ?? 'identity') === 'identity'
        const declared = isPlain ? Number(req.headers['content-length'] ?? batchBytes) : batchBytes
        res.once('close', takeRoom(room, callerOf(factsOf(req).claims).id, Math.min(declared, batchBytes)))
      }
      next()
    },
    express.raw({ type: BATCH_TYPES, limit: batchBytes }),
    async (req, res) => {
      const { events, lines } = req.is(BATCH_TYPES)
        ? await parseLines(Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0), () => {
            const turn = turns.take(callerOf(factsOf(req).claims).id)
            if (!turn)
              throw new ServerError('OVERLOADED', 'You send batches faster than they are read; try again later.')
            return turn
          })
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

/**
 * One value a line, blank lines left out; `lines[i]` is where `events[i]` stood. Read by slices, each in a turn of the loop.
 * @throws INPUT_TOO_LARGE, or AUDIT_EVENTS_NOT_VALID, naming every line that is not JSON.
 */
async function parseLines(body: Buffer, turn: () => Promise<void>): Promise<{ events: unknown[]; lines: number[] }> {
  const events: unknown[] = []
  const lines: number[] = []
  const errors: LineError[] = []
  let values = 0
  let left = 0
  for (let start = 0, line = 1; start < body.length; line++) {
    if (line > MAX_LINES) throw new ServerError('INPUT_TOO_LARGE', `A batch has at most ${MAX_LINES} lines.`)
    const end = body.indexOf(NEWLINE, start)
    const bytes = body.subarray(start, end < 0 ? body.length : end)
    start += bytes.length + 1
    if (left <= 0) {
      await turn()
      left = SLICE
    }
    left -= bytes.length + LINE
    values += mustBeSmall(bytes)
    if (values > MAX_VALUES) throw new ServerError('INPUT_TOO_LARGE', `A batch holds at most ${MAX_VALUES} values.`)
    const text = bytes.toString('utf8')
    if (text.trim() === '') continue
    try {
      events.push(JSON.parse(text))
      lines.push(line)
    } catch {
      errors.push({ line, message: 'it is not JSON' })
    }
  }
  if (errors.length > 0) throw notValid(errors)
  return { events, lines }
}

const NEWLINE = 0x0a

const notValid = (errors: LineError[]) =>
  new ServerError('AUDIT_EVENTS_NOT_VALID', 'Nothing was stored: some events are not valid', { errors })

/** The database counts events, the client counts lines. */
function withLines(error: unknown, lines: number[]): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code !== 'FH422') return error
  const { code, errors } = JSON.parse(error.detail ?? '{}') as { code?: string; errors?: LineError[] }
  if (code !== 'AUDIT_EVENTS_NOT_VALID' || !errors) return error
  return notValid(errors.map(({ line, message }) => ({ line: lines[line - 1] ?? line, message })))
}
