/**
 * The code of an error of Node (`ENOENT`) or PostgreSQL (`23505`); undefined when there is none.
 * By shape, since jest gives tests an Error class that Node's own errors are no instances of.
 */
export function errorCode(error: unknown): string | undefined {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
  return isCoded ? (error.code as string) : undefined
}
