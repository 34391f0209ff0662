import 'postgraphile'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ParsedGraphQLBody } from 'postgraphile/grafserv'
import { ServerError } from '../../errors.ts'
import { asSafeError } from '../safeError.ts'

/**
 * Runs nothing but the documents of a directory, `<hash>.graphql`, read once at start. The hash comes as `documentId`, `id` or
 * `extensions.persistedQuery.sha256Hash`. (@grafserv/persisted does the same, but writes refused bodies with their variables to
 * standard error, and passwords are variables.)
 */
export function makePersistedDocumentsPlugin(directory: string): GraphileConfig.Plugin {
  const documents = new Map(
    readdirSync(directory)
      .filter((name) => name.endsWith('.graphql'))
      .map((name) => [name.slice(0, -'.graphql'.length), readFileSync(join(directory, name), 'utf8')]),
  )
  return {
    name: 'PersistedDocumentsPlugin',
    version: '0.1.0',
    description: 'Runs registered documents only',
    grafserv: {
      middleware: {
        processGraphQLRequestBody(next, event) {
          const document = documents.get(hashOf(event.body) ?? '')
          if (document === undefined) throw asSafeError(new ServerError('DOCUMENT_NOT_PERSISTED'))
          event.body.query = document
          return next()
        },
      },
    },
  }
}

function hashOf({ documentId, id, extensions }: ParsedGraphQLBody): string | undefined {
  const { sha256Hash } = (extensions as { persistedQuery?: { sha256Hash?: unknown } } | undefined)?.persistedQuery ?? {}
  return [documentId, id, sha256Hash].find((value): value is string => typeof value === 'string')
}
