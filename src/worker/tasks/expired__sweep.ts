import { z } from 'zod'
import { defineTask } from '../task.ts'

export const payload = z.object({})

/** Forgets tokens, sessions, sent mails and other rows whose time is over. */
export default defineTask(payload, async (_payload, { pool, log }) => {
  const { rows: [row] } = await pool.query<{ swept: number }>('select app_private.sweep_expired() as swept')
  if (row!.swept > 0) log.info({ swept: row!.swept }, 'expired rows forgotten')
})
