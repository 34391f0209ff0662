/**
 * Advisory lock numbers, kept in one place so that no two collide. They are per database;
 * `lease` is only ever taken in the embedded server's database `postgres`.
 */
export const locks = {
  /** Held by one process while it bootstraps, migrates and applies. */
  deploy: 7_301_001,
  /** Held by the transaction that runs repeatable sources. */
  apply: 7_301_002,
  /** Shared by every process that uses the embedded server; exclusive for the one that stops it. */
  lease: 7_301_003,
} as const
