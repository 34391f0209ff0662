import 'postgraphile'
import type { PgSelectSingleStep } from 'postgraphile/@dataplan/pg'
import { lambda, type Step } from 'postgraphile/grafast'
import { extendSchema, gql } from 'postgraphile/utils'

/**
 * Fields of `User` that live in user_settings, a table of its own because others may read a user but not these. For anyone
 * but the user themselves row security hides that row, and the fields are null.
 */
export const UserFieldsPlugin: GraphileConfig.Plugin = extendSchema((build) => {
  const { user_settings: settings, tenants } = build.pgResources
  if (!settings || !tenants) return { typeDefs: [] }
  type $User = PgSelectSingleStep
  const settingsOf = ($user: $User) => settings.get({ user_id: $user.get('id') })
  const tenantOf = ($user: $User) => tenants.get({ id: settingsOf($user).get('default_tenant_id') })
  const tierOf = ($user: $User) =>
    lambda(
      [settingsOf($user).get('user_id') as Step, tenantOf($user).get('plan') as Step],
      ([own, plan]) => (own == null ? null : (plan ?? 'free')),
      true,
    )
  return {
    typeDefs: gql`
      extend type User {
        """
        Whether the plan of the default tenant is a paid one; false for everyone but the user themselves.
        """
        isPremium: Boolean!
        """
        Plan of the default tenant, free without one. Null for everyone but the user themselves.
        """
        subscriptionTier: PlanTier
        """
        How the dashboard looks to this user. Null for everyone but the user themselves.
        """
        preferences: JSON
        """
        Settings of the account. Null for everyone but the user themselves.
        """
        settings: JSON
        """
        Tenant that a request without X-Tenant acts in. Null for everyone but the user themselves.
        """
        defaultTenant: Tenant
      }
    `,
    objects: {
      User: {
        plans: {
          isPremium: ($user: $User) => lambda(tierOf($user), (tier) => tier != null && tier !== 'free', true),
          subscriptionTier: tierOf,
          preferences: ($user: $User) => settingsOf($user).get('preferences'),
          settings: ($user: $User) => settingsOf($user).get('settings'),
          defaultTenant: tenantOf,
        },
      },
    },
  }
}, 'UserFieldsPlugin')
