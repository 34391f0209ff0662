import { SafeError } from 'postgraphile/grafast'
import type { ServerError } from '../errors.ts'

/** The error in the form that grafserv answers with as it stands; anything else it prints to standard error and hides. */
export function asSafeError(error: ServerError): SafeError {
  return Object.assign(new SafeError(error.message, { statusCode: error.httpStatus, code: error.code }), {
    cause: error,
  })
}
