import type pg from 'pg'
import {
  findRelations,
  findRoutines,
  type IFindRelationsResult,
  type IFindRoutinesResult,
} from '../../../generated/queries/proof.ts'

/** A table, partition or view that somebody might try to reach; its name with schema, quoted where needed. */
export type Relation = Readonly<IFindRelationsResult>

/** A function that can be called: trigger functions can not. `executors` are the roles, of those that the proof tries, that may. */
export type Routine = Readonly<IFindRoutinesResult>

/** Where the application's objects live. */
const SCHEMAS = ['app_public', 'app_hidden', 'app_private', 'audit', 'partitions']

export const readRelations = (client: pg.ClientBase): Promise<Relation[]> =>
  findRelations.run({ schemas: SCHEMAS }, client)

export const readRoutines = (client: pg.ClientBase, roles: readonly string[]): Promise<Routine[]> =>
  findRoutines.run({ schemas: SCHEMAS, roles: [...roles] }, client)
