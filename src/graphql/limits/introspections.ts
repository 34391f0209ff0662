import type { DocumentNode, ExecutionResult } from 'postgraphile/graphql'

/** Answers that are kept: those of the tools in use, each about a megabyte. */
const KEPT = 8
/** Longest key, so that nobody fills memory with variables. */
const LONGEST_KEY = 20_000

/** Answers to introspections. They depend on the schema only, so everybody who may ask gets the same. */
export interface Introspections {
  answer(
    args: { document: DocumentNode; operationName?: unknown; variableValues?: unknown },
    make: () => Promise<ExecutionResult>,
  ): Promise<ExecutionResult>
}

export function makeIntrospections(): Introspections {
  const answers = new Map<string, ExecutionResult['data']>()
  return {
    async answer({ document, operationName, variableValues }, make) {
      const key = JSON.stringify([document.loc?.source.body, operationName ?? null, variableValues ?? {}])
      const known = answers.get(key)
      if (known) {
        answers.delete(key)
        answers.set(key, known)
        return { data: known }
      }
      const result = await make()
      if (result.data && !result.errors && key.length <= LONGEST_KEY) {
        answers.set(key, result.data)
        if (answers.size > KEPT) answers.delete(answers.keys().next().value!)
      }
      return result
    },
  }
}
