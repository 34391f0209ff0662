import type pg from 'pg'

/** What sql/tables.sql says of a table; null and empty where a fact does not apply. */
interface Row {
  readonly table_name: string
  readonly area: string
  readonly tenancy: string
  readonly readers: string | null
  readonly not_audited: string | null
  readonly person: string | null
  readonly secret: readonly string[]
  readonly personal: readonly string[]
  readonly digest: readonly string[]
  readonly quiet: readonly string[]
  readonly erase: string | null
  readonly export: string | null
  readonly revert: object | null
  readonly partition: { readonly every: string; readonly ahead: number } | null
  readonly is_append_only: boolean
  readonly is_live: boolean
}
interface Named {
  readonly schema: string
  readonly name: string
}

/** The registry of tables, as documents need it. */
export interface Registry {
  /** Chapters, in the order in which the registry has them, which is the order a newcomer reads. */
  readonly areas: readonly string[]
  /** Where a table or view belongs; a history belongs to the audit. */
  areaOf(relation: Named): string
  /** What the registry says of a table, in sentences of a few words. */
  factsOf(relation: Named): string[]
}

/** Views that are neither table nor history. */
const OTHER = 'other'

export async function readRegistry(client: pg.ClientBase): Promise<Registry> {
  const { rows } = await client.query<Row>('select * from app_private.table_registry')
  const byTable = new Map(rows.map((row) => [row.table_name, row]))
  const find = ({ schema, name }: Named) => byTable.get(`${schema}.${name}`)
  return {
    areas: [...new Set([...rows.map((row) => row.area), OTHER])],
    areaOf: (relation) => find(relation)?.area ?? (relation.name.endsWith('_audit') ? 'audit' : OTHER),
    factsOf: (relation) => describe(find(relation)),
  }
}

function describe(row: Row | undefined): string[] {
  if (row === undefined) return []
  const columns = (what: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${what} ${names.map((name) => `\`${name}\``).join(', ')}`]
  return [
    `tenancy ${row.tenancy}`,
    row.readers === null ? `not audited (${row.not_audited})` : `history for ${row.readers} and above`,
    ...columns('about', row.person === null ? [] : [row.person]),
    ...columns('secret', row.secret),
    ...columns('personal', row.personal),
    ...columns('kept as a digest', row.digest),
    ...columns('quiet', row.quiet),
    ...(row.erase === null ? [] : [`erased by ${row.erase === 'delete' ? 'deleting rows' : 'blanking'}`]),
    ...(row.export === null ? [] : [`exported as \`${row.export}\``]),
    ...(row.revert === null ? [] : ['can be reverted']),
    ...(row.partition === null ? [] : [`a partition every ${row.partition.every}, ${row.partition.ahead} ahead`]),
    ...(row.is_append_only ? ['append-only'] : []),
    ...(row.is_live ? ['live'] : []),
  ]
}
