import express, { type Express } from 'express'

/** Parses JSON bodies up to `limit` bytes. What it refuses goes to installErrors. */
export function installJsonBody(app: Express, limit: number): void {
  app.use(express.json({ limit, type: ['application/json', 'application/*+json'], strict: false }))
}
