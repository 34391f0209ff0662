import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ConfigurationError, environmentWith } from '../config.ts'
import { withClient } from '../db/withClient.ts'
import { errorCode } from '../errorCode.ts'

/** psql on this terminal. */
export async function openPsql(url: string): Promise<void> {
  await withClient(url, async () => {}).catch((cause: unknown) => {
    if (!['3D000', '28P01'].includes(errorCode(cause) ?? '')) throw cause
    throw new ConfigurationError(['The database or its roles are not there yet: run npm run db:apply first.'], {
      cause,
    })
  })
  // Arguments are shown by ps: the password goes through the environment.
  const bare = new URL(url)
  const password = decodeURIComponent(bare.password)
  bare.password = ''
  const psql = spawn('psql', [bare.href], { stdio: 'inherit', env: environmentWith({ PGPASSWORD: password }) })
  await once(psql, 'exit').catch((cause: unknown) => {
    if (errorCode(cause) !== 'ENOENT') throw cause
    throw new ConfigurationError(
      [
        'psql is not installed here: install the client of PostgreSQL (postgresql-client, libpq), or give the URL of `npm run -s db:url` to another.',
      ],
      { cause },
    )
  })
}
