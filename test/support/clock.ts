import type { TestDatabase } from './database.ts'

/** The time of one test database, which passes only when it is told to. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  advance(seconds: number): Promise<void>
}

/**
 * Stops the time that functions of the schema read from `clock_timestamp()`, in this database alone: each is created again with
 * the same text, in which a function of the test stands for the clock. What `now()` and defaults of columns read goes on.
 * @param startAt milliseconds since 1970; by default the middle of this minute, so that it is about the true time and far from the
 * edges of the windows in which things are counted.
 */
export async function stopClock({ superuser }: TestDatabase, startAt?: number): Promise<Clock> {
  let time = startAt ?? Math.floor(Date.now() / 60_000) * 60_000 + 30_000
  const set = () =>
    superuser.query(`
      create or replace function public.test_clock() returns timestamptz language sql stable as
        $$ select timestamptz '${new Date(time).toISOString()}' $$`)
  await superuser.query('grant usage on schema public to public')
  await set()
  const { rows } = await superuser.query<{ definition: string }>(`
    select pg_get_functiondef(f.oid) as definition from pg_proc f
    where f.pronamespace in ('app_public'::regnamespace, 'app_hidden'::regnamespace, 'app_private'::regnamespace)
      and f.prokind = 'f' and f.prosrc like '%clock_timestamp()%'`)
  if (rows.length === 0) throw new Error('No function reads the clock.')
  for (const { definition } of rows)
    await superuser.query(definition.replaceAll('clock_timestamp()', 'public.test_clock()'))
  return {
    now: () => time,
    async advance(seconds) {
      time += seconds * 1000
      await set()
    },
  }
}
