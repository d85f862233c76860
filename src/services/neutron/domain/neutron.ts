// What neutron's stories work with: its database, operations, policy, options, and the roles it talks to.
import type { Capabilities } from '#core/context'
import type { Database } from '#core/db'
import type { Operations } from '#core/operations'
import type { Policy } from '#core/policy'
import type { Runtime } from '#core/service'
import type { NeutronConfig } from '../config.ts'
import type { NeutronTables } from '../db/tables.ts'
import type { AgentRegistry } from './agents.ts'

export interface Neutron extends Capabilities {
  readonly runtime: Runtime
  readonly database: Database<NeutronTables>
  readonly operations: Operations<Neutron>
  readonly policy: Policy
  readonly config: NeutronConfig
  readonly agents: AgentRegistry
}

/** Seconds are the finest that neutron's times show. */
export function timeText(neutron: Pick<Neutron, 'clock'>): string {
  return `${neutron.clock.now().toISOString().slice(0, 19)}Z`
}
