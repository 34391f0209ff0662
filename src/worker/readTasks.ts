import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TaskList } from 'graphile-worker'
import type { Logger } from '../log.ts'
import type { TaskDefinition, TaskDeps } from './task.ts'

const DIRECTORY = join(import.meta.dirname, 'tasks')
const FILE = /^([a-z]+__[a-z]+)\.ts$/

/** Every task of tasks/, by the name of its file. Throws when a file there is no task. */
export async function readTasks(deps: TaskDeps, log: Logger): Promise<TaskList> {
  const tasks: TaskList = {}
  for (const file of (await readdir(DIRECTORY)).sort()) {
    const identifier = FILE.exec(file)?.[1]
    const { default: definition } = (await import(pathToFileURL(join(DIRECTORY, file)).href)) as {
      default?: TaskDefinition
    }
    if (identifier === undefined || typeof definition?.bind !== 'function') {
      throw new Error(
        `src/worker/tasks/${file} is no task: name it <topic>__<verb>.ts and export defineTask(…) by default.`,
      )
    }
    tasks[identifier] = definition.bind(deps, log)
  }
  return tasks
}
