import pg from 'pg'
import type { Bench } from './openBench.ts'

/** A connection to a database with one tenant, and that tenant. */
export interface Writer {
  readonly client: pg.Client
  readonly tenantId: string
}

/** Two databases alike, the triggers of the ledger taken off table teams in the second. Writers carry the claims of a person's request. */
export async function openAuditPair(bench: Bench): Promise<{ readonly audited: Writer; readonly bare: Writer }> {
  const open = async (isAudited: boolean): Promise<Writer> => {
    const client = new pg.Client({ connectionString: (await bench.database()).superuser })
    await client.connect()
    bench.onClose(() => client.end())
    if (!isAudited) {
      const { rows } = await client.query<{ name: string }>(
        `select tgname as name from pg_trigger where tgrelid = 'app_public.teams'::regclass and tgname like '\\_900\\_audit%'`,
      )
      if (rows.length !== 4) throw new Error(`Table teams has ${rows.length} audit triggers instead of 4`)
      for (const { name } of rows) await client.query(`alter table app_public.teams disable trigger ${name}`)
    }
    const {
      rows: [tenant],
    } = await client.query<{ id: string }>(
      `insert into app_public.tenants (name, slug) values ('Bench', 'bench') returning id`,
    )
    const {
      rows: [owner],
    } = await client.query<{ id: string }>(
      `with person as (insert into app_public.users (email, username, name) values ('owner@bench.test', 'owner', 'Owner') returning id)
       insert into app_public.tenant_members (tenant_id, user_id, role, invitation_status, joined_at)
       select $1, id, 'owner', 'joined', now() from person returning user_id as id`,
      [tenant!.id],
    )
    await client.query(
      `select set_config('app.tenant_id', $1, false), set_config('app.user_id', $2, false), set_config('app.session_id', uuidv7()::text, false),
         set_config('app.actor_type', 'user', false), set_config('app.request_id', 'bench', false), set_config('app.ip', '10.1.2.3', false),
         set_config('app.user_agent', 'bench', false)`,
      [tenant!.id, owner!.id],
    )
    return { client, tenantId: tenant!.id }
  }
  return { audited: await open(true), bare: await open(false) }
}
