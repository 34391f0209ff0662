import type { IncomingMessage } from 'node:http'
import express, { type Express, type Request } from 'express'
import { ServerError } from '../../errors.ts'
import { callerOf } from '../../graphql/limits/caller.ts'
import { makeTurns } from '../../graphql/limits/turns.ts'
import { factsOf } from '../request.ts'

const TYPES = ['application/json', 'application/*+json']
/** Longest body of somebody who is not signed in: enough for a document and its variables. */
const ANONYMOUS_BYTES = 131_072
/** Bodies above this are parsed by turns. */
const LARGE_BYTES = 65_536
/** Deepest nesting and most values of a body; counted before it is parsed, which takes many times longer than to count. */
const MAX_DEPTH = 200
const MAX_VALUES = 50_000

/** Parses JSON bodies up to `limit` bytes, after authentication. What it refuses goes to installErrors. */
export function installJsonBody(app: Express, limit: number): void {
  const turns = makeTurns()
  const reader = (bytes: number) => express.raw({ limit: bytes, type: TYPES })
  const [forMembers, forAnybody] = [reader(limit), reader(Math.min(limit, ANONYMOUS_BYTES))]

  app.use((req, res, next) => {
    const isMember = factsOf(req).claims?.role === 'app_user'
    ;(isMember ? forMembers : forAnybody)(req, res, next)
  })
  app.use(async (req: Request<object, unknown, unknown>, _res, next) => {
    const { body } = req
    if (!Buffer.isBuffer(body)) return next()
    mustBeUtf8(req)
    if (body.length > LARGE_BYTES) {
      const turn = turns.take(callerOf(factsOf(req).claims).id)
      if (!turn)
        throw new ServerError('OVERLOADED', 'You send large bodies faster than they are read; try again later.')
      await turn
    }
    req.body = parse(body)
    next()
  })
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return undefined
  mustBeSmall(body)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new ServerError('INVALID_JSON')
  }
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]

/** @throws UNSUPPORTED_MEDIA_TYPE for a body that calls itself anything else. */
export function mustBeUtf8(req: IncomingMessage): void {
  if (/charset\s*=\s*"?(?!utf-?8\b)/i.test(req.headers['content-type'] ?? ''))
    throw new ServerError('UNSUPPORTED_MEDIA_TYPE', 'JSON is sent in UTF-8.')
}

/** Counts brackets and commas outside of strings. @throws INPUT_TOO_LARGE. Returns how many values there are at most. */
export function mustBeSmall(body: Buffer): number {
  let depth = 0
  let values = 1
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!
    if (byte === QUOTE) {
      // To the quote that ends it: one after an even number of backslashes.
      do {
        at = body.indexOf(QUOTE, at + 1)
        if (at < 0) return values
      } while (isEscaped(body, at))
    } else if (byte === COMMA) values++
    else if (byte === 0x5b || byte === 0x7b) {
      values++
      if (++depth > MAX_DEPTH) throw new ServerError('INPUT_TOO_LARGE', `JSON is nested at most ${MAX_DEPTH} deep.`)
    } else if (byte === 0x5d || byte === 0x7d) depth--
    if (values > MAX_VALUES) throw new ServerError('INPUT_TOO_LARGE', `A body holds at most ${MAX_VALUES} values.`)
  }
  return values
}

function isEscaped(body: Buffer, quote: number): boolean {
  let backslashes = 0
  while (body[quote - 1 - backslashes] === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}
