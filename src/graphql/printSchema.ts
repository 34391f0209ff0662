import pg from 'pg'
import { makeSchema } from 'postgraphile'
import { lexicographicSortSchema, printSchema } from 'postgraphile/graphql'
import { DEFAULT_LIMITS } from '../limits.ts'
import { makeLogger } from '../log.ts'
import { makePreset } from './preset.ts'

/** The GraphQL schema of a database as SDL, in an order that depends on nothing but names. */
export async function printSchemaSDL(authenticatorUrl: string): Promise<string> {
  const pool = new pg.Pool({ connectionString: authenticatorUrl, max: 2, application_name: 'freehold-schema' })
  try {
    const { schema } = await makeSchema(
      makePreset({
        pool,
        log: makeLogger({ level: 'silent' }),
        limits: DEFAULT_LIMITS,
        introspection: true,
        graphiql: false,
        bodyMaxBytes: 1_048_576,
        claimsOf: () => undefined,
        liveUpdates: { subscribe: (): Promise<never> => Promise.reject(new Error('no live updates while printing')) },
      }),
    )
    return `${printSchema(lexicographicSortSchema(schema))}\n`
  } finally {
    await pool.end()
  }
}
