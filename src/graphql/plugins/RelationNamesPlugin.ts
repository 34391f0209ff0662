import 'postgraphile'
import type { PgClass, PgConstraint } from 'postgraphile/graphile-build-pg/pg-introspection'

/**
 * Names relations after their constraints, which STYLE names after the columns: `deployments_project_id_fkey` gives
 * `deployment.project` and `project.deployments`; `deployments_deployed_by_fkey` gives `deployment.deployedByUser` and
 * `user.deploymentsByDeployedBy`; `deployment_logs_deployment_id_fkey` gives `deployment.logs`. Smart tags win.
 */
export const RelationNamesPlugin: GraphileConfig.Plugin = {
  name: 'RelationNamesPlugin',
  version: '0.1.0',
  description: 'Names relations after foreign key constraints',
  after: ['smart-tags'],

  gather: {
    hooks: {
      pgRelations_relation(info, { pgConstraint, relation }) {
        const owner = pgConstraint.getClass()
        const target = pgConstraint.getForeignClass()
        if (!owner || !target) return
        relation.extensions ??= Object.create(null) as NonNullable<typeof relation.extensions>
        const tags = (relation.extensions.tags ??= {})
        const { camelCase } = info.inflection
        if (!relation.isReferencee) {
          tags.fieldName ??= camelCase.call(info.inflection, forwardName(pgConstraint, owner, singular(info, target)))
        } else {
          const plain = backwardName(pgConstraint, owner, target, singular(info, target))
          const name = relation.isUnique ? info.inflection.singularize(plain) : plain
          tags[relation.isUnique ? 'foreignSingleFieldName' : 'foreignFieldName'] ??= camelCase.call(
            info.inflection,
            name,
          )
        }
      },
    },
  },
}

const singular = (info: { inflection: GraphileBuild.Inflection }, pgClass: PgClass): string =>
  info.inflection.singularize(pgClass.relname)

const columns = (pgClass: PgClass): string[] =>
  pgClass
    .getAttributes()
    .filter((a) => a.attnum > 0)
    .map((a) => a.attname)

/** `deployments_project_id_fkey` of `deployments` is `project_id`. */
const label = (constraint: PgConstraint, owner: PgClass): string =>
  constraint.conname.replace(/_fkey$/, '').replace(new RegExp(`^${owner.relname}_`), '')

function forwardName(constraint: PgConstraint, owner: PgClass, target: string): string {
  const name = label(constraint, owner)
  const base = name.replace(/_id$/, '')
  if (base === name && columns(owner).includes(name)) return `${name}_${target}`
  return columns(owner).includes(base) ? target : base
}

function backwardName(constraint: PgConstraint, owner: PgClass, target: PgClass, targetSingular: string): string {
  const base = label(constraint, owner).replace(/_id$/, '')
  const rivals = owner.getConstraints().filter((c) => c.contype === 'f' && c.confrelid === target._id)
  const short = owner.relname.startsWith(`${targetSingular}_`)
    ? owner.relname.slice(targetSingular.length + 1)
    : owner.relname
  const name = columns(target).includes(short) ? owner.relname : short
  const isMain = base === targetSingular || (rivals.length === 1 && owner._id !== target._id)
  return isMain ? name : `${name}_by_${base}`
}
