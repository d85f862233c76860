// Which agent serves a network or carries a router, where an administrator says so instead of neutron.
import type { RequestContext } from '#core/context'
import { agentOf, agentRow, bindDhcp, dhcpHost } from '../db/agents.ts'
import { networkRow, type Tx } from '../db/networks.ts'
import { routerRow } from '../db/routers.ts'
import type { AgentRow, NetworkRow, RouterRow } from '../db/tables.ts'
import {
  AgentNotFound, InvalidDhcpAgent, InvalidL3Agent, NetworkHostedByDhcpAgent, NetworkNotFound, NetworkNotHostedByDhcpAgent, RouterHostedByL3Agent, RouterNotFound,
} from '../model/errors.ts'
import { agentTypes } from './agents.ts'
import type { Neutron } from './neutron.ts'
import { beginNetworkRelease, beginNetworkSync } from './sync-network.ts'
import { beginRouterOn, beginRouterRelease } from './sync-router.ts'

async function requireAgent(tx: Tx, id: string): Promise<AgentRow> {
  const row = await agentRow(tx, id)
  if (!row) throw new AgentNotFound(`Agent ${id} could not be found.`)
  return row
}

async function requireNetwork(tx: Tx, id: string): Promise<NetworkRow> {
  const row = await networkRow(tx, id)
  if (!row) throw new NetworkNotFound(`Network ${id} could not be found.`)
  return row
}

async function requireRouter(tx: Tx, id: string): Promise<RouterRow> {
  const row = await routerRow(tx, id)
  if (!row) throw new RouterNotFound(`Router ${id} could not be found`)
  return row
}

/**
 * As upstream with one DHCP agent per network (neutron/db/agentschedulers_db.py, add_network_to_dhcp_agent), but that a second one is refused:
 * it is taken from the first before.
 *
 * @throws InvalidDhcpAgent, NetworkHostedByDhcpAgent
 */
export async function giveNetwork(neutron: Neutron, ctx: RequestContext, agentId: string, networkId: string): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const network = await requireNetwork(tx, networkId)
    const agent = await requireAgent(tx, agentId)
    if (agent.agent_type !== agentTypes.dhcp.type || agent.admin_state_up === 0) throw new InvalidDhcpAgent(`Agent ${agentId} is not a valid DHCP Agent or has been disabled.`)
    const host = await dhcpHost(tx, networkId)
    if (host !== undefined) throw new NetworkHostedByDhcpAgent(`The network ${networkId} has been already hosted by the DHCP Agent ${(await agentOf(tx, agentTypes.dhcp.type, host))?.id ?? host}.`)
    await bindDhcp(tx, networkId, agent.host)
    await beginNetworkSync(neutron, tx, ctx, networkId, network.project_id)
  })
}

/** @throws NetworkNotHostedByDhcpAgent */
export async function takeNetwork(neutron: Neutron, ctx: RequestContext, agentId: string, networkId: string): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const agent = await requireAgent(tx, agentId)
    const network = await networkRow(tx, networkId)
    if (!network || agent.agent_type !== agentTypes.dhcp.type || (await dhcpHost(tx, networkId)) !== agent.host) {
      throw new NetworkNotHostedByDhcpAgent(`The network ${networkId} is not hosted by the DHCP Agent ${agentId}.`)
    }
    await beginNetworkRelease(neutron, tx, ctx, network, agent.host)
  })
}

/**
 * One that the agent carries already is left as it is.
 *
 * @throws InvalidL3Agent, RouterHostedByL3Agent
 */
export async function giveRouter(neutron: Neutron, ctx: RequestContext, agentId: string, routerId: string): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const router = await requireRouter(tx, routerId)
    const agent = await requireAgent(tx, agentId)
    if (agent.agent_type !== agentTypes.l3.type || agent.admin_state_up === 0) throw new InvalidL3Agent(`Agent ${agentId} is not a L3 Agent or has been disabled`)
    if (router.host === agent.host) return
    if (router.host !== '') throw new RouterHostedByL3Agent(`The router ${routerId} has been already hosted by the L3 Agent ${(await agentOf(tx, agentTypes.l3.type, router.host))?.id ?? router.host}.`)
    await beginRouterOn(neutron, tx, ctx, router, agent.host)
  })
}

/** As upstream (neutron/db/l3_agentschedulers_db.py, remove_router_from_l3_agent): nothing is said of a router that another agent carries. */
export async function takeRouter(neutron: Neutron, ctx: RequestContext, agentId: string, routerId: string): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const agent = await requireAgent(tx, agentId)
    const router = await requireRouter(tx, routerId)
    if (agent.agent_type === agentTypes.l3.type && router.host === agent.host) await beginRouterRelease(neutron, tx, ctx, router)
  })
}
