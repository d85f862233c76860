// How a role that works with the database begins: the database, the operations, the policy, the agents that report.
import { createOperations } from '#core/operations'
import { compilePolicy } from '#core/policy'
import type { Runtime } from '#core/service'
import { readConfig, neutronOptions } from './config.ts'
import { neutronChanges } from './db/changes.ts'
import { agentRows } from './db/agents.ts'
import { neutronMigrations } from './db/migrations/index.ts'
import type { NeutronTables } from './db/tables.ts'
import { createAgentRegistry } from './domain/agents.ts'
import { announce } from './domain/announce.ts'
import type { Neutron } from './domain/neutron.ts'
import { syncAgent } from './domain/missed.ts'
import { policyRules } from './domain/policy.ts'
import { syncGroups } from './domain/sync-groups.ts'
import { releaseNetwork, syncNetwork } from './domain/sync-network.ts'
import { releaseRouter, syncRouter } from './domain/sync-router.ts'
import { unwirePort, wirePort } from './domain/wire-port.ts'

const definitions = [wirePort, unwirePort, announce, syncGroups, syncNetwork, releaseNetwork, syncRouter, releaseRouter, syncAgent]

export async function startNeutron(runtime: Runtime, role: string): Promise<Neutron> {
  const { clock, random, ids, log } = runtime
  const config = readConfig(runtime.config(neutronOptions))
  const database = await runtime.database<NeutronTables>('neutron', neutronMigrations, neutronChanges)
  const capabilities = { clock, random, ids, log }
  const operations = createOperations<Neutron>({ database, definitions, capabilities, owner: `${runtime.host}/neutron-${role}` })
  const agents = createAgentRegistry(capabilities, config.agent_down_time)
  agents.recall(await agentRows(database.read))
  return { ...capabilities, runtime, database, operations, policy: compilePolicy(policyRules), config, agents }
}
