import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../config.ts'
import { openDatabase, type DatabaseUrls } from '../database.ts'

/** Lends `use` a database that was just built from empty on a server of its own, and throws both away. */
export async function withScratchDatabase<T>(use: (urls: DatabaseUrls) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'freehold-scratch-'))
  try {
    const database = await openDatabase(loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' }))
    try {
      return await use(database.urls)
    } finally {
      await database.close()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}
