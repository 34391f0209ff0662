import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'

/** Reads how long processes have been on a processor. */
export interface ProcessorClock {
  /** Milliseconds of this process, all threads, and of the PostgreSQL backends its pool holds; undefined where there is no /proc. */
  read(pid: number): Promise<number | undefined>
  close(): Promise<void>
}

/**
 * Time on a processor is a quieter measure than requests a second where other programs run too.
 * A pool is known by the process id at the end of its connections' application_name.
 */
export async function openProcessorClock(superuserUrl: string): Promise<ProcessorClock> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  return {
    async read(pid) {
      const { rows } = await client.query<{ pid: number }>(
        'select pid from pg_stat_activity where application_name like $1',
        [`freehold-% ${pid}`],
      )
      return processorTime(pid, ...rows.map((row) => row.pid))
    },
    close: () => client.end(),
  }
}

/** Milliseconds that these processes have been on a processor, all threads; undefined where there is no /proc. */
export function processorTime(...pids: number[]): number | undefined {
  const threads = (pid: number) =>
    readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`)
  try {
    return (
      pids.flatMap(threads).reduce((sum, file) => sum + Number(readFileSync(file, 'utf8').split(' ', 1)[0]), 0) / 1e6
    )
  } catch {
    return undefined
  }
}
