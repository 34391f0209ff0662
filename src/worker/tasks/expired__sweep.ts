import { z } from 'zod'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Forgets tokens, sessions, sent mails and other rows whose time is over. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const {
    rows: [row],
  } = await withTenant(pool, { actor: 'expired__sweep' }, (client) =>
    client.query<{ swept: number }>('select app_private.sweep_expired() as swept'),
  )
  if (row!.swept > 0) log.info({ swept: row!.swept }, 'expired rows forgotten')
})
