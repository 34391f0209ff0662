import 'postgraphile'
import { TYPES } from 'postgraphile/@dataplan/pg'
import { context, lambda, listen, object, type Step } from 'postgraphile/grafast'
import { sql } from 'postgraphile/pg-sql2'
import { extendSchema, gql } from 'postgraphile/utils'
import type { DeploymentChange, DeploymentWaiting, LiveEvent, LiveUpdates, LogRange } from '../liveUpdates.ts'

/** Live updates: `deploymentChanged`, `deploymentLogs` and `deploymentWaiting`. Left out of a schema whose database lacks the tables. */
export function makeSubscriptionsPlugin(liveUpdates: LiveUpdates): GraphileConfig.Plugin {
  return extendSchema((build) => {
    const { deployments, deployment_logs: deploymentLogs } = build.pgResources
    if (!deployments || !deploymentLogs) return { typeDefs: [] }
    return {
      typeDefs: gql`
        type DeploymentChangedPayload {
          """
          The event that tells of the change; see \`events\`.
          """
          eventId: UUID!
          """
          Type of the event, such as \`deployment.succeeded\`.
          """
          type: String!
          """
          The deployment as it is now.
          """
          deployment: Deployment
        }

        type DeploymentLogsPayload {
          """
          Lines in order of their sequence, at most 500.
          """
          lines: [DeploymentLog!]!
          """
          Sequence of the last line; pass it as \`after\` to go on from here.
          """
          cursor: BigInt!
        }

        type DeploymentWaitingPayload {
          """
          The oldest deployment that could be claimed; another runner may be faster.
          """
          deployment: Deployment
        }

        extend type Subscription {
          """
          Changes of deployments: all of the tenant's, those of one project, or one deployment's. What happened before the
          subscription is not repeated: read after subscribing. Fails with NOT_FOUND for what the subscriber can't see.
          """
          deploymentChanged(projectId: UUID, id: UUID): DeploymentChangedPayload
          """
          Log lines of a deployment: first those after the given sequence, then new ones as they come, none twice and none
          left out. Fails with NOT_FOUND for what the subscriber can't see.
          """
          deploymentLogs(deploymentId: UUID!, after: BigInt = "0"): DeploymentLogsPayload
          """
          Tells a runner when to call \`claimDeployment\`: at once if something can be claimed, and whenever something may have
          become so, also because the lease of another runner expired. Fails with FORBIDDEN for who may not claim.
          """
          deploymentWaiting(environments: [String!]): DeploymentWaitingPayload
        }
      `,
      objects: {
        Subscription: {
          plans: {
            deploymentChanged: {
              subscribePlan: (_$root, { $projectId, $id }) =>
                listen(
                  liveUpdates as never,
                  object({
                    ...subscriber('deploymentChanged'),
                    projectId: orNull($projectId!),
                    id: orNull($id!),
                  }) as never,
                ),
              plan: unlessFailed,
            },
            deploymentLogs: {
              subscribePlan: (_$root, { $deploymentId, $after }) =>
                listen(
                  liveUpdates as never,
                  object({
                    ...subscriber('deploymentLogs'),
                    deploymentId: $deploymentId!,
                    after: lambda($after!, (after) => String(after ?? 0), true),
                  }) as never,
                ),
              plan: unlessFailed,
            },
            deploymentWaiting: {
              subscribePlan: (_$root, { $environments }) =>
                listen(
                  liveUpdates as never,
                  object({ ...subscriber('deploymentWaiting'), environments: orNull($environments!) }) as never,
                ),
              plan: unlessFailed,
            },
          },
        },
        DeploymentWaitingPayload: {
          plans: {
            deployment: ($event: Step) => deployments.get({ id: field<DeploymentWaiting>($event, 'deploymentId') }),
          },
        },
        DeploymentChangedPayload: {
          plans: {
            eventId: ($event: Step) => field<DeploymentChange>($event, 'eventId'),
            type: ($event: Step) => field<DeploymentChange>($event, 'type'),
            deployment: ($event: Step) => deployments.get({ id: field<DeploymentChange>($event, 'deploymentId') }),
          },
        },
        DeploymentLogsPayload: {
          plans: {
            lines($event: Step) {
              const $lines = deploymentLogs.find({ deployment_id: field<LogRange>($event, 'deploymentId') })
              const bound = (name: 'after' | 'upto') => $lines.placeholder(field<LogRange>($event, name), TYPES.bigint)
              $lines.where(
                sql`${$lines.alias}.sequence > ${bound('after')} and ${$lines.alias}.sequence <= ${bound('upto')}`,
              )
              $lines.orderBy({ attribute: 'sequence', direction: 'ASC' })
              return $lines
            },
            cursor: ($event: Step) => field<LogRange>($event, 'upto'),
          },
        },
      },
    }
  }, 'SubscriptionsPlugin')
}

const subscriber = (kind: 'deploymentChanged' | 'deploymentLogs' | 'deploymentWaiting') => ({
  kind: lambda(context(), () => kind, true),
  pgSettings: context().get('pgSettings'),
  withPgClient: context().get('withPgClient'),
  unsentBytes: lambda(context().get('unsentBytes'), (unsentBytes) => unsentBytes ?? (() => 0), true),
})

const orNull = ($value: Step) => lambda($value, (value) => value ?? null, true)

const field = <T>($event: Step, name: keyof T & string) => lambda($event, (event) => (event as T)[name], true)

/** Throws what ended the subscription, so that the client reads it as the error of this field. */
const unlessFailed = ($event: Step) =>
  lambda($event, (event) => {
    const { failure } = event as LiveEvent<object>
    if (failure) throw failure
    return event
  })
