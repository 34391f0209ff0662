import type pg from 'pg'
import {
  findRelations,
  findRoutines,
  findThings,
  type IFindRelationsResult,
  type IFindRoutinesResult,
  type IFindThingsResult,
} from '../../../generated/queries/proof.ts'

/** A table, partition or view that somebody might try to reach; its name with schema, quoted where needed. */
export type Relation = Readonly<IFindRelationsResult>

/** A function that can be called: trigger functions can not. `executors` are the roles, of those that the proof tries, that may. */
export type Routine = Readonly<IFindRoutinesResult>

/** Something of our schemas that holds data or does something, as the proof names it. */
export type Thing = Readonly<IFindThingsResult>

export const readRelations = (client: pg.ClientBase): Promise<Relation[]> => findRelations.run(undefined, client)
export const readThings = (client: pg.ClientBase, roles: readonly string[]): Promise<Thing[]> =>
  findThings.run({ roles: [...roles] }, client)
export const readRoutines = (client: pg.ClientBase, roles: readonly string[]): Promise<Routine[]> =>
  findRoutines.run({ roles: [...roles] }, client)
