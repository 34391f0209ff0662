import type pg from 'pg'
import type {
  Catalog,
  Column,
  DefaultPrivileges,
  Months,
  Privilege,
  Relation,
  Routine,
  Sequence,
  Type,
} from './catalogModel.ts'
import { introspect } from './introspect.ts'

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`
const ident = (name: string) => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)
const qualified = (thing: { schema: string; name: string }) => `${ident(thing.schema)}.${ident(thing.name)}`
const comment = (kind: string, name: string, text: string | null) =>
  text === null ? [] : [`comment on ${kind} ${name} is ${quote(text)};`]

/** A privilege with the columns it is limited to, if any. */
type Listed = Privilege & { columns?: string[] }

/** Grant and revoke statements that lead from what PostgreSQL grants by itself to what the object has. */
function privileges(kind: string, name: string, acl: Listed[] | null): string[] {
  // Everybody may execute a new function. Said the other way round, an open function is the one that stands out.
  const said = (acl ?? []).flatMap((entry): Listed[] => {
    const open = kind === 'function' && entry.grantee === 'public' && entry.privilege === 'execute'
    if (open) return entry.change === 'removed' ? [] : [{ ...entry, change: 'added' }]
    return entry.change === 'default' && !entry.grantable ? [] : [entry]
  })
  const statement = (grantee: string, word: 'grant' | 'revoke', grantable: boolean) => {
    const chosen = said.filter(
      (entry) =>
        entry.grantee === grantee &&
        entry.grantable === grantable &&
        (entry.change === 'removed') === (word === 'revoke'),
    )
    if (chosen.length === 0) return []
    const list = chosen
      .map((entry) => entry.privilege + (entry.columns ? ` (${entry.columns.map(ident).join(', ')})` : ''))
      .join(', ')
    return [
      `${word} ${list} on ${kind} ${name} ${word === 'grant' ? 'to' : 'from'} ${ident(grantee)}${grantable ? ' with grant option' : ''};`,
    ]
  }
  return [...new Set(said.map((entry) => entry.grantee))]
    .sort()
    .flatMap((grantee) => [
      ...statement(grantee, 'revoke', false),
      ...statement(grantee, 'grant', false),
      ...statement(grantee, 'grant', true),
    ])
}

/** Table and column privileges together: update (name) stands beside select. */
function relationPrivileges(relation: Relation): Listed[] {
  const byColumn = new Map<string, Listed>()
  for (const column of relation.columns) {
    for (const entry of column.acl ?? []) {
      const key = `${entry.grantee} ${entry.privilege} ${entry.grantable}`
      const listed = byColumn.get(key) ?? { ...entry, columns: [] }
      listed.columns?.push(column.name)
      byColumn.set(key, listed)
    }
  }
  return [...(relation.acl ?? []), ...[...byColumn].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, listed]) => listed)]
}

function column(it: Column): string {
  const parts = [ident(it.name), it.type]
  if (it.collation) parts.push(`collate ${it.collation}`)
  if (it.notNullConstraint) parts.push(`constraint ${it.notNullConstraint}`)
  if (it.notNull) parts.push('not null')
  if (it.generated) parts.push(`generated always as (${it.default}) ${it.generated === 's' ? 'stored' : 'virtual'}`)
  else if (it.default !== null) parts.push(`default ${it.default}`)
  if (it.identity)
    parts.push(`generated ${it.identity === 'a' ? 'always' : 'by default'} as identity (${it.identitySequence})`)
  parts.push(...it.extras)
  return parts.join(' ')
}

/** Dated partitions: one line while they all look alike, one for each look with the names of its partitions otherwise. */
function dated(what: string, months: Months[]): string[] {
  if (months.length === 1) return [`-- ${what}, each: ${months[0]?.look}`]
  return months.map((month) => `-- ${what} DIFFER: ${month.look} (${month.names.join(' ')})`)
}

const KIND = { r: 'table', p: 'table', f: 'foreign table', v: 'view', m: 'materialized view' }
const ENABLED: Record<string, string> = { D: 'disabled', R: 'replica only', A: 'always' }
const enabled = (flag: string) => (ENABLED[flag] ? ` -- ${ENABLED[flag]}` : '')

function relation(it: Relation): string {
  const name = qualified(it)
  const kind = KIND[it.kind]
  const options = it.options.length > 0 ? ` with (${it.options.join(', ')})` : ''
  const isTable = it.kind === 'r' || it.kind === 'p' || it.kind === 'f'
  const lines: string[] = []
  if (isTable) {
    const body = [
      ...it.columns.map(column),
      ...it.constraints.map((constraint) => `constraint ${ident(constraint.name)} ${constraint.definition}`),
    ]
    lines.push(
      `create ${it.persistence === 'u' ? 'unlogged ' : ''}${kind} ${name} (`,
      ...body.map((part, i) => `  ${part}${i < body.length - 1 ? ',' : ''}`),
      `)${it.partitionOf ? ` partition of ${it.partitionOf} ${it.bound}` : ''}${it.partitionKey ? ` partition by ${it.partitionKey}` : ''}${options};`,
      ...dated('monthly partitions', it.months),
      `alter table ${name} ${it.rowSecurity ? 'enable' : 'disable'} row level security, ${it.forced ? 'force' : 'no force'} row level security;`,
    )
    if (it.replicaIdentity !== 'd') lines.push(`alter table ${name} replica identity ${it.replicaIdentity};`)
  } else {
    lines.push(
      `create ${kind} ${name} (${it.columns.map((part) => ident(part.name)).join(', ')})${options} as`,
      (it.definition ?? '').trimEnd(),
    )
    lines.push(
      ...it.columns
        .filter((part) => part.default !== null)
        .map((part) => `alter view ${name} alter ${ident(part.name)} set default ${part.default};`),
    )
  }
  lines.push(`alter ${kind} ${name} owner to ${ident(it.owner)};`)
  lines.push(
    ...comment(kind, name, it.comment),
    ...it.columns.flatMap((part) => comment('column', `${name}.${ident(part.name)}`, part.comment)),
  )
  lines.push(
    ...it.constraints.flatMap((constraint) =>
      comment('constraint', `${ident(constraint.name)} on ${name}`, constraint.comment),
    ),
  )
  for (const index of it.indexes) {
    const flags = index.flags.length > 0 ? ` -- ${index.flags.join(', ')}` : ''
    if (!index.ofConstraint) lines.push(`${index.definition};${flags}`)
    else if (flags) lines.push(`-- index ${index.name}: ${index.flags.join(', ')}`)
    lines.push(...comment('index', `${ident(it.schema)}.${ident(index.name)}`, index.comment))
  }
  for (const trigger of it.triggers) {
    lines.push(
      `${trigger.definition};${enabled(trigger.enabled)}`,
      ...comment('trigger', `${ident(trigger.name)} on ${name}`, trigger.comment),
    )
  }
  for (const rule of it.rules)
    lines.push(`${rule.definition}${enabled(rule.enabled)}`, ...comment('rule', `on ${name}`, rule.comment))
  for (const policy of it.policies) {
    lines.push(
      `create policy ${ident(policy.name)} on ${name} as ${policy.permissive ? 'permissive' : 'restrictive'} for ${policy.command} to ${policy.roles.map(ident).join(', ')}`,
      ...(policy.using === null ? [] : [`  using (${policy.using})`]),
      ...(policy.check === null ? [] : [`  with check (${policy.check})`]),
    )
    lines.push(`${lines.pop()};`, ...comment('policy', `${ident(policy.name)} on ${name}`, policy.comment))
  }
  lines.push(...privileges('table', name, relationPrivileges(it)))
  return lines.join('\n')
}

function type(it: Type): string {
  const name = qualified(it)
  const kind = it.kind === 'd' ? 'domain' : 'type'
  const lines: string[] = []
  if (it.kind === 'e') lines.push(`create type ${name} as enum (${(it.labels ?? []).map(quote).join(', ')});`)
  if (it.kind === 'r') lines.push(`create type ${name} as range (subtype = ${it.subtype});`)
  if (it.kind === 'c')
    lines.push(
      `create type ${name} as (${(it.attributes ?? []).map((part) => `${ident(part.name)} ${part.type}`).join(', ')});`,
    )
  if (it.kind === 'd') {
    const collation = it.collation ? ` collate ${it.collation}` : ''
    lines.push(
      [
        `create domain ${name} as ${it.base}${collation}${it.default === null ? '' : ` default ${it.default}`}${it.notNull ? ' not null' : ''}`,
        ...(it.constraints ?? []).map(
          (constraint) => `  constraint ${ident(constraint.name)} ${constraint.definition}`,
        ),
      ].join('\n') + ';',
    )
  }
  lines.push(`alter ${kind} ${name} owner to ${ident(it.owner)};`, ...comment(kind, name, it.comment))
  lines.push(
    ...(it.constraints ?? []).flatMap((constraint) =>
      comment('constraint', `${ident(constraint.name)} on domain ${name}`, constraint.comment),
    ),
  )
  lines.push(...(it.attributes ?? []).flatMap((part) => comment('column', `${name}.${ident(part.name)}`, part.comment)))
  lines.push(...privileges('type', name, it.acl))
  return lines.join('\n')
}

function sequence(it: Sequence): string {
  const name = qualified(it)
  return [
    `create sequence ${name} as ${it.type} ${it.settings}${it.ownedBy ? ` owned by ${it.ownedBy}` : ''};`,
    `alter sequence ${name} owner to ${ident(it.owner)};`,
    ...comment('sequence', name, it.comment),
    ...privileges('sequence', name, it.acl),
  ].join('\n')
}

function routine(it: Routine): string {
  const name = `${qualified(it)}(${it.identity})`
  const kind = it.kind === 'p' ? 'procedure' : it.kind === 'a' ? 'aggregate' : 'function'
  return [
    `${it.definition.trimEnd()};`,
    `alter ${kind} ${name} owner to ${ident(it.owner)};`,
    ...comment(kind, name, it.comment),
    ...privileges('function', name, it.acl),
  ].join('\n')
}

function defaults(it: DefaultPrivileges): string[] {
  const head = `alter default privileges for role ${ident(it.role)}${it.schema ? ` in schema ${ident(it.schema)}` : ''} `
  return privileges(it.objects, '', it.acl).map((line) => head + line.replace('  ', ' '))
}

/** A paragraph of the dump, and the file below generated/schema where it stands. */
interface Paragraph {
  readonly file: string
  readonly text: string
}

/** The whole dump in its order; objects of one name share a file, as overloads of a function do. */
function paragraphs(catalog: Catalog): Paragraph[] {
  const schemas = catalog.schemas.flatMap((it) => [
    `create schema ${ident(it.name)} authorization ${ident(it.owner)};`,
    ...comment('schema', ident(it.name), it.comment),
    ...privileges('schema', ident(it.name), it.acl),
  ])
  const tables = catalog.relations.filter((it) => it.kind !== 'v' && it.kind !== 'm')
  const views = catalog.relations.filter((it) => it.kind === 'v' || it.kind === 'm')
  const whole = (name: string, lines: string[]) => ({ file: `${name}.sql`, text: lines.join('\n') })
  const each = <T extends { schema: string; name: string }>(objects: T[], render: (it: T) => string) =>
    objects.map((it) => ({ file: `${it.schema}/${encodeURIComponent(it.name)}.sql`, text: render(it) }))
  return [
    whole('roles', catalog.roles),
    whole('database', catalog.database),
    whole('extensions', catalog.extensions),
    whole('schemas', schemas),
    whole('default_privileges', catalog.defaults.flatMap(defaults)),
    ...each(catalog.types, type),
    ...each(catalog.sequences, sequence),
    ...each(tables, relation),
    whole('detached_partitions', dated('detached partitions', catalog.detached)),
    ...each(views, relation),
    ...each(catalog.routines, routine),
    whole('others', catalog.others),
  ].filter(({ text }) => text !== '')
}

/** From where the body of a function begins, as pg_get_functiondef writes it: quoted, or as SQL. */
const BODY = /\n(?:AS \$\w*\$|BEGIN ATOMIC\n|RETURN )[\s\S]*$/

/** What stands in generated/schema: path to text, everything of one object together, without the bodies that stand in functions/. */
export function renderSchema(catalog: Catalog): Map<string, string> {
  const bodiless = catalog.routines.map((it) => ({ ...it, definition: it.definition.replace(BODY, '') }))
  const files = Map.groupBy(paragraphs({ ...catalog, routines: bodiless }), ({ file }) => file)
  return new Map([...files].map(([file, parts]) => [file, `${parts.map(({ text }) => text).join('\n\n')}\n`]))
}

/**
 * Everything that defines our schemas as SQL-like text, the same for equal databases: sorted by name, without oids or dates.
 * Meant to be read and compared, not run. Dated partitions appear as one line under their parent, more when they differ among themselves.
 */
export const dumpCatalog = async (client: pg.ClientBase): Promise<string> =>
  paragraphs(await introspect(client))
    .map(({ text }) => `${text}\n`)
    .join('\n')
