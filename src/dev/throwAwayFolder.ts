import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'

/** Linux keeps what lies here in memory. */
const IN_MEMORY = '/dev/shm'
const NEEDED_BYTES = 4 * 1024 ** 3

/**
 * Where clusters are put that nobody needs tomorrow: in memory when there is plenty, since they are thousands of files that come and
 * go, which took a third of the time of the tests; otherwise in the temporary directory.
 */
export function throwAwayFolder(): string {
  try {
    accessSync(IN_MEMORY, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = statfsSync(IN_MEMORY)
    return Math.min(bavail * bsize, freemem()) > NEEDED_BYTES ? IN_MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** Every place that {@link throwAwayFolder} may have given before. */
export const throwAwayFolders = (): readonly string[] => [IN_MEMORY, tmpdir()].filter((folder) => existsSync(folder))
