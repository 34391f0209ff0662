import { join } from 'node:path'
import 'postgraphile/grafserv/express/v4'
import { PgSimplifyInflectionPreset } from '@graphile/simplify-inflection'
import type pg from 'pg'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { makePgService } from 'postgraphile/adaptors/pg'
import { pgSmartTagsFromFile } from 'postgraphile/utils'
import { PostGraphileConnectionFilterPreset } from 'postgraphile-plugin-connection-filter'
import type { Limits } from '../limits.ts'
import { CLAIM_NAMES, type Claims } from '../db/withTenant.ts'
import { ServerError } from '../errors.ts'
import type { Logger } from '../log.ts'
import { withClaimedQueries } from './claimedQuery.ts'
import type { LiveUpdates } from './liveUpdates.ts'
import { AnonymousFieldsPlugin } from './plugins/AnonymousFieldsPlugin.ts'
import { ClaimedDeploymentPlugin } from './plugins/ClaimedDeploymentPlugin.ts'
import { EnumNamesPlugin } from './plugins/EnumNamesPlugin.ts'
import { makeErrorsPreset } from './plugins/ErrorsPlugin.ts'
import { HistoryPlugin } from './plugins/HistoryPlugin.ts'
import { IndexedOnlyPlugin } from './plugins/IndexedOnlyPlugin.ts'
import { LeanRootPlugin } from './plugins/LeanRootPlugin.ts'
import { makeLimitsPlugin } from './plugins/LimitsPlugin.ts'
import { LiveKeysPlugin } from './plugins/LiveKeysPlugin.ts'
import { LogLinesPlugin } from './plugins/LogLinesPlugin.ts'
import { makePersistedDocumentsPlugin } from './plugins/PersistedDocumentsPlugin.ts'
import { QueryTagPlugin } from './plugins/QueryTagPlugin.ts'
import { RefusalsPlugin } from './plugins/RefusalsPlugin.ts'
import { RelationNamesPlugin } from './plugins/RelationNamesPlugin.ts'
import { makeSubscriptionsPlugin } from './plugins/SubscriptionsPlugin.ts'
import { ResultNamesPlugin } from './plugins/ResultNamesPlugin.ts'
import { TenantFilterPlugin } from './plugins/TenantFilterPlugin.ts'
import { TenantKeysPlugin } from './plugins/TenantKeysPlugin.ts'
import { UserFieldsPlugin } from './plugins/UserFieldsPlugin.ts'

declare global {
  namespace Grafast {
    interface Context {
      /** Bytes that the subscriber's connection has not taken yet; 0 outside of websockets. */
      unsentBytes: () => number
    }
  }
}

export interface PresetDeps {
  /** Connections of freehold_authenticator, who may become app_user and app_anonymous and nobody else. */
  pool: pg.Pool
  /** The same role's few connections for statements that hash a password; without it, they are those of `pool`. */
  hashingPool?: pg.Pool
  log: Logger
  limits: Limits
  introspection: boolean
  graphiql: boolean
  /** Longest body in bytes. */
  bodyMaxBytes: number
  /** Who makes the request, as the server found out before GraphQL saw it; absent means nobody. */
  claimsOf: (requestContext: Partial<Grafast.RequestContext>) => Claims | undefined
  /** Told of every error of the database in an operation, with the claims it ran under. */
  onRefused?: (error: unknown, claims: Claims) => void
  liveUpdates: LiveUpdates
  /** Directory of `<hash>.graphql`; when given, nothing but these documents is run. */
  persistedDocuments?: string
  /** False sends begin, settings, query and commit one by one, as the stock adaptor does; for comparison. */
  claimedQueries?: boolean
}

/** The whole of the GraphQL API: what is shown, how it is named, what it may cost, how it fails. */
export function makePreset(deps: PresetDeps): GraphileConfig.Preset {
  const service = makePgService({
    pool: deps.pool,
    schemas: ['app_public'],
    // Live updates have a listener of their own.
    pubsub: false,
    pgSettingsForIntrospection: { role: 'app_user' },
    pgSettings: (requestContext) => settingsOf(deps.claimsOf(requestContext)),
  })
  return {
    extends: [
      PostGraphileAmberPreset,
      PgSimplifyInflectionPreset,
      PostGraphileConnectionFilterPreset,
      makeErrorsPreset(deps.log),
    ],
    plugins: [
      pgSmartTagsFromFile(join(import.meta.dirname, 'tags.json5')),
      LiveKeysPlugin,
      TenantKeysPlugin,
      TenantFilterPlugin,
      RelationNamesPlugin,
      IndexedOnlyPlugin,
      EnumNamesPlugin,
      ResultNamesPlugin,
      LeanRootPlugin,
      QueryTagPlugin,
      RefusalsPlugin,
      HistoryPlugin,
      UserFieldsPlugin,
      ClaimedDeploymentPlugin,
      LogLinesPlugin,
      makeSubscriptionsPlugin(deps.liveUpdates),
      AnonymousFieldsPlugin,
      makeLimitsPlugin(deps),
      ...(deps.persistedDocuments === undefined ? [] : [makePersistedDocumentsPlugin(deps.persistedDocuments)]),
    ],
    // `filter` does all that `condition` does; a schema that can't be built as a whole must not start.
    disablePlugins: [
      'PgConditionArgumentPlugin',
      'PgConditionCustomFieldsPlugin',
      'SwallowErrorsPlugin',
      // Relay has long stopped asking for `query { query }`.
      'QueryQueryPlugin',
      // One filter may not reach into another table: what that costs can't be told from the document.
      'PgConnectionArgFilterForwardRelationsPlugin',
      'PgConnectionArgFilterBackwardRelationsPlugin',
    ],
    pgServices: [
      deps.claimedQueries === false
        ? service
        : withClaimedQueries(service, deps.pool, deps.onRefused, deps.hashingPool),
    ],
    // An argument without a default is one that must be given.
    gather: { pgStrictFunctions: true },
    schema: {
      defaultBehavior: '-list -nodeId:resource:update -nodeId:resource:delete -nodeId:insert -nodeId:update',
      dontSwallowErrors: true,
      pgForbidSetofFunctionsToReturnNull: true,
      sortExport: true,
      connectionFilterAllowedOperators: [
        'isNull',
        'equalTo',
        'notEqualTo',
        'in',
        'notIn',
        'lessThan',
        'lessThanOrEqualTo',
        'greaterThan',
        'greaterThanOrEqualTo',
      ],
      connectionFilterComputedColumns: false,
      connectionFilterSetofFunctions: false,
      connectionFilterArrays: false,
    },
    grafast: {
      explain: false,
      timeouts: { planning: deps.limits.planningTimeoutMs },
      context: (requestContext) => ({ unsentBytes: () => requestContext.ws?.socket?.bufferedAmount ?? 0 }),
    },
    grafserv: {
      graphqlPath: '/graphql',
      graphqlOverGET: false,
      graphiql: deps.graphiql,
      graphiqlPath: '/graphiql',
      graphiqlOnGraphQLGET: false,
      websockets: true,
      watch: false,
      maxRequestLength: deps.bodyMaxBytes,
    },
  }
}

/** Transaction-local settings of a request; a claim it lacks is '' so that nothing of another request is ever read. */
function settingsOf(claims: Claims | undefined): Record<string, string> {
  if (!claims?.role) throw new ServerError('UNAUTHENTICATED')
  const settings: Record<string, string> = {}
  for (const name of CLAIM_NAMES) settings[`app.${name}`] = claims[name] ?? ''
  // The role comes last: what it may not do must not stop the settings before it.
  settings.role = claims.role
  return settings
}
