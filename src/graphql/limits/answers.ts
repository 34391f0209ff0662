import type { ExecutionResult } from 'postgraphile/graphql'
import { ServerError } from '../../errors.ts'
import { asGraphQLError } from './refusal.ts'

/** About the characters of a value as JSON; counting stops above `most`. */
export function sizeOf(value: unknown, most: number): number {
  let size = 0
  const rest: unknown[] = [value]
  while (rest.length > 0 && size <= most) {
    const next = rest.pop()
    if (typeof next === 'string') size += next.length + 2
    else if (typeof next !== 'object' || next === null) size += 4
    else if (Array.isArray(next)) for (const each of next as unknown[]) rest.push(each)
    else
      for (const name in next) {
        size += name.length + 4
        rest.push((next as Record<string, unknown>)[name])
      }
  }
  return size
}

/** The result, or an error in its place when it is too large to be written. */
export function boundAnswer<R extends ExecutionResult>(
  result: R,
  most: number,
): R | { errors: ExecutionResult['errors'] } {
  if (sizeOf(result.data, most) <= most) return result
  return {
    errors: [asGraphQLError(new ServerError('ANSWER_TOO_LARGE', `The answer has more than ${most} characters.`))],
  } as never
}

/** The same for each event of a subscription. */
export function boundAnswers<R extends ExecutionResult>(results: AsyncGenerator<R>, most: number): AsyncGenerator<R> {
  const bounded = {
    [Symbol.asyncIterator]: () => bounded,
    async next() {
      const next = await results.next()
      return next.done ? next : { done: false, value: boundAnswer(next.value, most) as R }
    },
    return: (value: unknown) => results.return(value),
    throw: (error: unknown) => results.throw(error),
  } as AsyncGenerator<R>
  return bounded
}
