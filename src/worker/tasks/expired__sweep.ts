import { z } from 'zod'
import { call } from '../../db/call.ts'
import { withTenant } from '../../db/withTenant.ts'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Forgets tokens, sessions, sent mails and other rows whose time is over. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const swept = await withTenant(pool, { actor: 'expired__sweep' }, (client) =>
    call(client, 'app_private.sweep_expired'),
  )
  if (swept) log.info({ swept }, 'expired rows forgotten')
})
