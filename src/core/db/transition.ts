// Moving a row from state to state: one conditional UPDATE, so that of two workers only one wins.
import type { Kysely, Updateable } from 'kysely'
import type { Machine } from '../state/machine.ts'
import { transactionOf } from './transaction.ts'

export interface TransitionOptions<T, Table extends keyof T & string, Event extends string> {
  readonly table: Table
  readonly idColumn: keyof T[Table] & string
  readonly statusColumn: keyof T[Table] & string
  readonly id: string | number
  readonly event: Event
  /** Other columns that change with the state. */
  readonly set?: Updateable<T[Table]>
}

/**
 * Let `event` happen to a row. False when the row is gone, or in no state in which the event may happen; then nothing
 * changed. Announce the change with `afterCommit`.
 *
 * @throws WrongHandle when `tx` is a handle for reading
 */
export async function transition<T, Table extends keyof T & string, State extends string, Event extends string>(
  tx: Kysely<T>,
  machine: Machine<State, Event>,
  options: TransitionOptions<T, Table, NoInfer<Event>>,
): Promise<boolean> {
  transactionOf(tx)
  // The signature checked the names against the tables; Kysely cannot follow names that are variables.
  const table: string = options.table
  const idColumn: string = options.idColumn
  const statusColumn: string = options.statusColumn
  const { numUpdatedRows } = await (tx as Kysely<any>).updateTable(table)
    .set({ ...options.set, [statusColumn]: machine.to(options.event) })
    .where(idColumn, '=', options.id)
    .where(statusColumn, 'in', machine.from(options.event))
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}
