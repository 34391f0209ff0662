import { createHash } from 'node:crypto'
import { stripTypeScriptTypes } from 'node:module'

/** jest transformer: Node's own type stripping, which keeps lines and columns, so no source map is needed. */
export default {
  canInstrument: false,
  getCacheKey: (source, path) =>
    createHash('sha256').update(process.version).update(path).update('\0').update(source).digest('hex'),
  process: (source, path) => ({ code: path.endsWith('.ts') ? stripTypeScriptTypes(source) : source }),
}
