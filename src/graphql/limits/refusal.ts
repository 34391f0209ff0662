import { GraphQLError } from 'postgraphile/graphql'
import { ServerError, type ServerErrorCode } from '../../errors.ts'

/** Thrown while a document or its variables are measured; the message tells the client which limit it met. */
export function refuse(code: ServerErrorCode, message: string): never {
  throw new ServerError(code, message)
}

/** An error as one of GraphQL's, with its code. */
export function asGraphQLError(error: ServerError): GraphQLError {
  return new GraphQLError(error.message, { originalError: error, extensions: { code: error.code } })
}
