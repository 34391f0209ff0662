import pg from 'pg'
import { withClient } from '../../src/db/withClient.ts'
import { verifyAudit, type Finding, type TenantReport, type VerifyOptions } from '../../src/audit/verify.ts'
import type { TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

/** Seals what can be sealed: an open transaction anywhere in the cluster, those of other tests too, holds the sealer back. */
export const sealNow = (database: TestDatabase, size = 100_000) =>
  database.worker.query('select app_private.seal_audit($1)', [size])

/** Seals everything that was committed before the call. */
export async function seal(database: TestDatabase, size?: number): Promise<void> {
  const {
    rows: [now],
  } = await database.superuser.query('select pg_snapshot_xmax(pg_current_snapshot())::text as xid')
  await until(
    async () =>
      (
        await database.superuser.query('select pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 as is_over', [
          now.xid,
        ])
      ).rows[0].is_over,
  )
  await sealNow(database, size)
}

export const verify = (database: TestDatabase, options?: VerifyOptions): Promise<TenantReport[]> =>
  withClient(database.urls.superuser, (client) => verifyAudit(client, options))

/** Findings of all tenants. */
export async function findings(database: TestDatabase, options?: VerifyOptions): Promise<Finding[]> {
  return (await verify(database, options)).flatMap((report) => report.findings)
}

/** Does as superuser what triggers and policies forbid, gives it to `look`, and takes it back. */
export async function tampered<T>(database: TestDatabase, sql: readonly string[], look: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database.urls.superuser })
  await client.connect()
  try {
    await client.query('set session_replication_role to replica')
    await client.query(
      'create table if not exists public.kept_versions as table audit.row_versions; create table if not exists public.kept_seals as table audit.seals',
    )
    for (const statement of sql) await client.query(statement)
    return await look()
  } finally {
    await client.query(`
      truncate audit.row_versions, audit.seals;
      insert into audit.row_versions table public.kept_versions; insert into audit.seals table public.kept_seals;
      drop table public.kept_versions, public.kept_seals`)
    await client.end()
  }
}
