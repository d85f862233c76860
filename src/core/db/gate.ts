// Stands between a role and a database, for the simulation: it delays, refuses, or cuts the role off for ever.

/** Where in its work with the database a role is: before a read, before a statement of a transaction, before its commit, and after it. */
export type GatePoint = 'read' | 'query' | 'commit' | 'committed'

export interface Gate {
  /** Rejects to make what follows fail; never settles for a role that is no more. */
  pass(point: GatePoint): Promise<void>
  /** Aborted when the role is no more: its open transaction is rolled back at once. */
  readonly closed: AbortSignal
}
