import 'postgraphile'
import type { PgCodec, PgResource } from 'postgraphile/@dataplan/pg'
import { ExecutableStep, sideEffect } from 'postgraphile/grafast'
import { refusalError } from '../../errors.ts'

/** Attribute by which a function says no when an exception would undo what it has to remember, such as a failed log-in. */
const REFUSAL = 'refusal'

/** Turns `refusal` of a mutation's answer, `{sqlstate, code, message, …}`, into the error it stands for, after the commit. */
export const RefusalsPlugin: GraphileConfig.Plugin = {
  name: 'RefusalsPlugin',
  version: '0.1.0',
  description: 'Turns remembered refusals into errors',
  after: ['smart-tags'],

  gather: {
    hooks: {
      pgCodecs_attribute(_info, { pgAttribute, attribute }) {
        if (pgAttribute.attname !== REFUSAL || pgAttribute.getClass()?.relkind !== 'c') return
        attribute.extensions ??= Object.create(null) as NonNullable<typeof attribute.extensions>
        attribute.extensions.tags = {
          ...attribute.extensions.tags,
          behavior: ['-select', '-base', '-insert', '-update'],
        }
      },
    },
  },

  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, build, { scope }) {
        const { plan } = field
        // What refuses is an error; an answer without one is whole.
        if (scope.pgCodec?.attributes?.[REFUSAL] && scope.pgFieldAttribute) {
          const { GraphQLNonNull, getNullableType } = build.graphql
          return { ...field, type: new GraphQLNonNull(getNullableType(field.type)) }
        }
        if (!plan || scope.fieldBehaviorScope !== 'mutationField') return field
        const resource = Object.values(build.pgResources).find(
          (each) =>
            each.isMutation &&
            refuses(each) &&
            build.inflection.customMutationField({ resource: each as never }) === scope.fieldName,
        )
        if (!resource) return field
        return {
          ...field,
          plan($parent, fieldArgs, info) {
            const $payload = plan($parent, fieldArgs, info) as ExecutableStep & {
              get(name: 'result'): { get(name: string): ExecutableStep }
            }
            sideEffect($payload.get('result').get(REFUSAL), (refusal) => {
              if (refusal != null) throw refusalError(refusal)
            })
            return $payload
          },
        }
      },
    },
  },
}

const refuses = (resource: PgResource): boolean =>
  (resource.codec as PgCodec).attributes?.[REFUSAL] !== undefined && resource.isUnique
