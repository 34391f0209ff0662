import 'postgraphile'
import type { PgClass } from 'postgraphile/graphile-build-pg/pg-introspection'
import { isTenantColumn, TENANT_ID } from './tenantTable.ts'

/** Columns of a history that are worth a filter; the ledger is partitioned by time and indexed by row. */
const FILTERS = new Set(['id', 'created_at', 'action', 'request_id', 'transaction_id'])
const ORDERS = new Set(['id', 'created_at'])
const NULLABLE = new Set([
  'api_key_id',
  'actor_api_key_id',
  'actor',
  'session_id',
  'actor_session_id',
  'request_id',
  'ip_address',
  'user_agent',
])

/**
 * A view `<table>_audit` is the history of that table's rows: `projects_audit` gives the type `ProjectVersion`, the field
 * `project.history` and the root field `projectVersions`, newest first, each version with its `actor`. A view has no keys,
 * so they are said here for all of them.
 */
export const HistoryPlugin: GraphileConfig.Plugin = {
  name: 'HistoryPlugin',
  version: '0.1.0',
  description: 'Histories of rows from the shadow views',
  after: ['smart-tags', 'PgConnectionArgOrderByDefaultValuePlugin'],
  before: ['PgFakeConstraintsPlugin'],

  gather: {
    hooks: {
      pgIntrospection_introspection(info, { introspection }) {
        for (const view of introspection.classes) {
          const table = auditedTable(view, introspection.classes)
          if (table) tagHistory(view, table, info.inflection)
        }
      },
    },
  },

  schema: {
    hooks: {
      GraphQLObjectType_fields_field_args_arg(arg, build, { scope, Self }) {
        const { argName, isPgFieldConnection, pgFieldResource: resource } = scope
        if (argName !== 'orderBy' || !isPgFieldConnection || !resource?.codec.extensions?.tags?.isHistory) return arg
        const type = build.getTypeByName(build.inflection.orderByType(build.inflection.tableType(resource.codec)))
        if (!type || !('getValues' in type)) return arg
        // Within one row the order of ids is that of the index; across rows it is time, the key of the partitions.
        const wanted = Self.name === 'Query' ? 'PRIMARY_KEY_DESC' : 'ID_DESC'
        const value = type.getValues().find(({ name }) => name === wanted)
        return value ? { ...arg, defaultValue: [value.value] } : arg
      },
    },
  },
}

function auditedTable(view: PgClass, classes: readonly PgClass[]): PgClass | undefined {
  if (view.relkind !== 'v' || !view.relname.endsWith('_audit')) return undefined
  const name = view.relname.slice(0, -'_audit'.length)
  return classes.find(
    (other) => other.relnamespace === view.relnamespace && other.relname === name && other.relkind !== 'v',
  )
}

/** Says by smart tags what a table's constraints would say. */
function tagHistory(view: PgClass, table: PgClass, inflection: GraphileBuild.Inflection): void {
  const singular = inflection.singularize(table.relname)
  const field = inflection.camelCase(singular)
  const columns = new Set(
    view
      .getAttributes()
      .filter((a) => a.attnum > 0)
      .map((a) => a.attname),
  )
  const key = table.getAttributes().some((a) => a.attname === 'id') ? 'id' : 'user_id'
  const row = key === 'id' ? `${singular}_id` : key
  const isOfTenant = table.getAttributes().some(isTenantColumn)
  const actor = columns.has('executor_id') ? 'executor_id' : 'user_id'
  const tags = view.getTags()
  tags.name ??= `${singular}_version`
  tags.isHistory = true
  if (!isOfTenant && row !== TENANT_ID) tags.tenantFilter ??= 'off'
  tags.primaryKey ??= 'tenant_id,created_at,id|@behavior -single'
  tags.foreignKey ??= [
    isOfTenant
      ? `(tenant_id,${row}) references app_public.${table.relname} (tenant_id,${key})|@isHistory\n@fieldName ${field}\n@foreignFieldName history`
      : `(${row}) references app_public.${table.relname} (${key})|@isHistory\n@fieldName ${field}\n@foreignFieldName history`,
    `(${actor}) references app_public.users (id)|@fieldName actor\n@backwardBehavior -connection -single -list`,
    // Who left is no user of the tenant any more; their membership still says what they were called.
    ...(isOfTenant
      ? [
          `(tenant_id,${actor}) references app_public.tenant_members (tenant_id,user_id)|@fieldName actorMember\n@backwardBehavior -connection -single -list`,
        ]
      : []),
  ].map((spec) => spec.replaceAll('\n', '|'))
  for (const attribute of view.getAttributes()) {
    const { attname: name } = attribute
    const own = attribute.getTags()
    if (name === 'actor') own.name ??= 'actor_name'
    // The row is null where all of them went at once.
    if (!NULLABLE.has(name) && ![actor, row, 'project_id'].includes(name)) own.notNull = true
    const refused = [
      ...(FILTERS.has(name) || name === row || name === actor ? [] : ['-filterBy']),
      ...(ORDERS.has(name) ? [] : ['-orderBy']),
    ]
    own.behavior ??= refused
  }
}
