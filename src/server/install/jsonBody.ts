import express, { type Express } from 'express'
import { factsOf } from '../request.ts'

/** Longest body of somebody who is not signed in: enough for a document and its variables. */
const ANONYMOUS_BYTES = 131_072

/** Parses JSON bodies up to `limit` bytes, after authentication. What it refuses goes to installErrors. */
export function installJsonBody(app: Express, limit: number): void {
  const parser = (bytes: number) =>
    express.json({ limit: bytes, type: ['application/json', 'application/*+json'], strict: false })
  const [forMembers, forAnybody] = [parser(limit), parser(Math.min(limit, ANONYMOUS_BYTES))]
  app.use((req, res, next) => {
    const isMember = factsOf(req).claims?.role === 'app_user'
    ;(isMember ? forMembers : forAnybody)(req, res, next)
  })
}
