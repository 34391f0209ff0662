/** Areas of the schema, in the order a newcomer reads them. */
export const AREAS = ['identity', 'projects', 'deployments', 'webhooks and events', 'audit', 'other'] as const
export type Area = (typeof AREAS)[number]

const TABLES: Record<Exclude<Area, 'other'>, string[]> = {
  identity: [
    'tenants',
    'users',
    'user_settings',
    'user_secrets',
    'user_tokens',
    'tenant_members',
    'invitation_directory',
    'teams',
    'team_members',
    'sessions',
    'session_tokens',
    'api_keys',
    'api_key_directory',
    'rate_limits',
    'idempotency_keys',
    'emails',
  ],
  projects: ['projects', 'project_members', 'project_environments'],
  deployments: ['deployments', 'deployment_status_history', 'deployment_logs', 'deployment_log_sequences'],
  'webhooks and events': [
    'events',
    'event_types',
    'undispatched_events',
    'webhook_events',
    'webhook_sources',
    'webhook_source_secrets',
    'webhook_source_directory',
  ],
  audit: ['audit_logs', 'audit_event_ids', 'row_versions', 'seals', 'erasures'],
}

const byTable = new Map(
  Object.entries(TABLES).flatMap(([area, tables]) => tables.map((table) => [table, area as Area])),
)

/** Where a table belongs: by its name; everything in schema audit and every history to audit, anything unheard of to other. */
export const areaOf = (table: { schema: string; name: string }): Area =>
  byTable.get(table.name) ?? (table.schema === 'audit' || table.name.endsWith('_audit') ? 'audit' : 'other')
