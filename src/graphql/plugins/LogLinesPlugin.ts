import 'postgraphile'

/**
 * Log lines to append may hold U+0000, which programs print and no text of PostgreSQL can hold: it would refuse the whole batch
 * before any of our functions saw it. It becomes U+FFFD, as decoders write what they can't read.
 */
export const LogLinesPlugin: GraphileConfig.Plugin = {
  name: 'LogLinesPlugin',
  version: '0.1.0',
  description: 'Replaces U+0000 in log lines',
  gather: {
    hooks: {
      pgCodecs_PgCodec(_info, { pgCodec, pgType }) {
        if (pgType.typname !== 'log_line' || pgType.getNamespace()?.nspname !== 'app_public') return
        const { toPg } = pgCodec
        pgCodec.toPg = (line: Record<string, unknown>) =>
          toPg(
            Object.fromEntries(
              Object.entries(line).map(([name, value]) => [
                name,
                typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value,
              ]),
            ),
          )
      },
    },
  },
}
