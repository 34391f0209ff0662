import 'postgraphile'
import type { Step } from 'postgraphile/grafast'
import { extendSchema, gql } from 'postgraphile/utils'

/** The deployment beside its lease, so that a runner has all it needs in the answer to its claim. */
export const ClaimedDeploymentPlugin: GraphileConfig.Plugin = extendSchema((build) => {
  const { deployments } = build.pgResources
  if (!deployments) return { typeDefs: [] }
  return {
    typeDefs: gql`
      extend type ClaimedDeployment {
        """
        The deployment, building.
        """
        deployment: Deployment
      }
    `,
    objects: {
      ClaimedDeployment: {
        plans: {
          deployment: ($lease: Step & { get(name: string): Step }) =>
            deployments.get({ id: $lease.get('deployment_id') as never }),
        },
      },
    },
  }
}, 'ClaimedDeploymentPlugin')
