import 'postgraphile'
import { TYPES, type PgResource, type PgSelectStep } from 'postgraphile/@dataplan/pg'
import { sql } from 'postgraphile/pg-sql2'
import { context, lambda } from 'postgraphile/grafast'
import { isTenantTable, TENANT_ID } from './tenantTable.ts'

/**
 * Adds `tenant_id = $n` to every select on a tenant table or view, from the claims of the request. The planner (and one
 * day the router of a sharded database) sees a parameter; row security stays the net under it.
 * A class opts out with the smart tag `tenantFilter: 'off'`. Functions answer for their own rows.
 */
export const TenantFilterPlugin: GraphileConfig.Plugin = {
  name: 'TenantFilterPlugin',
  version: '0.1.0',
  description: 'Carries the tenant in every generated select',
  after: ['smart-tags'],

  gather: {
    hooks: {
      pgTables_PgResourceOptions(_info, { pgClass, resourceOptions }) {
        if (!isTenantTable(pgClass) || pgClass.getTags().tenantFilter === 'off') return
        resourceOptions.selectAuth = selectTenant
      },
      pgProcedures_PgResourceOptions(_info, { resourceOptions }) {
        resourceOptions.selectAuth = null
      },
    },
  },
}

function selectTenant($select: PgSelectStep<PgResource<any, any, any, any, any>>): void {
  // A request that carries no tenant holds '' there, which is not a uuid.
  const $tenant = lambda(context().get('pgSettings'), (settings) => settings?.['app.tenant_id'] || null, true)
  $select.where(sql`${$select.alias}.${sql.identifier(TENANT_ID)} = ${$select.placeholder($tenant, TYPES.uuid)}`)
}
