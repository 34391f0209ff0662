import cors from 'cors'
import type { Express } from 'express'

/** Lets pages of these origins call the API; false leaves browsers' own refusal in place. */
export function installCors(app: Express, origins: readonly string[] | false): void {
  if (origins === false) return
  app.use(
    cors({
      origin: origins.includes('*') ? '*' : [...origins],
      methods: ['GET', 'POST'],
      allowedHeaders: ['Authorization', 'Content-Type', 'X-Tenant', 'X-Request-Id'],
      exposedHeaders: ['X-Request-Id'],
      maxAge: 600,
    }),
  )
}
