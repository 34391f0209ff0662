import pg from 'pg'
import type { Bench } from '../openBench.ts'
import { byTurns } from '../ratios.ts'
import type { Row } from '../row.ts'

const ROUNDS = 40
const BATCH = 500
const FEW = 10_000
const MANY = 10_000_000

export const row: Row = {
  name: 'dispatch',
  promise: `dispatching ${BATCH} events after 10 million that are finished, time against after 10 thousand; a transaction that is older than all of them keeps vacuum from any`,
  budget: 1.5,
  direction: 'at most',
  async run(bench) {
    const many = await dispatcher(bench, MANY)
    const few = await dispatcher(bench, FEW)
    const pairs = await byTurns(ROUNDS, many, few)
    const speed = Math.round((BATCH * ROUNDS * 1000) / pairs.reduce((sum, [ms]) => sum + ms, 0))
    return [{ label: 'events', note: `${speed} a second`, ratios: pairs.map(([a, b]) => a / b) }]
  },
}

/** Records events and dispatches them; milliseconds of the dispatch. */
async function dispatcher(bench: Bench, finished: number): Promise<() => Promise<number>> {
  const { superuser: connectionString } = await bench.database()
  const [client, reader] = [new pg.Client({ connectionString }), new pg.Client({ connectionString })]
  for (const each of [client, reader]) {
    await each.connect()
    bench.onClose(() => each.end())
  }
  const start = performance.now()
  const {
    rows: [tenant],
  } = await client.query<{ id: string }>(
    `insert into app_public.tenants (name, slug) values ('Bench', 'bench') returning id`,
  )
  await reader.query('begin isolation level repeatable read')
  await reader.query('select count(*) from app_private.undispatched_events')
  // Foreign keys were checked when these were recorded, and other indexes are none of the dispatcher's.
  await client.query(`
    drop index app_public.events_subject_id_idx, app_public.events_project_id_idx, app_public.events_type_idx;
    set session_replication_role to replica`)
  for (let done = 0; done < finished; done += FEW * 50) {
    await client.query(
      `with e as (
         insert into app_public.events (tenant_id, type, subject_type, subject_id)
         select $1, 'project.created', 'project', uuidv7() from generate_series(1, $2::int)
         returning tenant_id, created_at, id)
       insert into app_private.undispatched_events (tenant_id, created_at, event_id) select * from e`,
      [tenant!.id, Math.min(finished, FEW * 50)],
    )
    await client.query('delete from app_private.undispatched_events')
  }
  await client.query('set session_replication_role to origin')
  await client.query('analyze app_public.events; analyze app_private.undispatched_events')
  bench.log(`  ${finished.toLocaleString('en')} finished in ${((performance.now() - start) / 1000).toFixed(0)} s`)
  const dispatch = async () => {
    await client.query(
      `select app_private.record_event('project.created', $1, 'project', uuidv7(), null) from generate_series(1, $2)`,
      [tenant!.id, BATCH],
    )
    const begun = performance.now()
    const { rows } = await client.query<{ count: number }>('select app_private.dispatch_events($1) as count', [BATCH])
    if (rows[0]!.count !== BATCH) throw new Error(`${rows[0]!.count} events dispatched instead of ${BATCH}`)
    return performance.now() - begun
  }
  // The mark moves when a thousand have passed and what was open has ended.
  for (let warm = 0; warm < 10; warm++) await dispatch()
  return dispatch
}
