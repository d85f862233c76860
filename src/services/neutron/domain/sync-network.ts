// A network or its subnets changed: its DHCP gets a port and a host, or loses them, and the agent gets the new whole.
import type { RequestContext } from '#core/context'
import { defineOperation, step } from '#core/operations'
import { rpcClient } from '#core/rpc'
import { Type } from '#core/spec'
import { pluginRpc } from '../contract/agent-rpc.ts'
import { allocationsOfPort, deleteAllocations } from '../db/allocations.ts'
import { bindDhcp, dhcpHost, unbindDhcp } from '../db/agents.ts'
import { networkRow, type Tx } from '../db/networks.ts'
import { deletePortRow, portsByOwner, setPort } from '../db/ports.ts'
import { subnetsOfNetwork } from '../db/subnets.ts'
import type { NetworkRow, SubnetRow } from '../db/tables.ts'
import { AppError } from '#core/errors'
import { bindTo, unbound } from './binding.ts'
import { allocate, claimAddresses } from './ipam.ts'
import type { Neutron } from './neutron.ts'
import { insertNewPort } from './ports/create.ts'

interface NetworkInput {
  readonly networkId: string
  /** Served its DHCP until now. */
  readonly hosts?: readonly string[]
}

export const dhcpOwner = 'network:dhcp'
/** Whose port keeps its addresses for the next host to serve (neutron_lib/constants.py, DEVICE_ID_RESERVED_DHCP_PORT). */
const reserved = 'reserved_dhcp_port'
const deviceOf = (networkId: string) => `dhcp-${networkId}`

/** The DHCP port of a network has an address in each subnet that wants DHCP, and a host to live on. A network that is down has none (neutron/agent/dhcp/agent.py, network_update_end). */
async function arrangeDhcp(neutron: Neutron, tx: Tx, ctx: RequestContext, networkId: string): Promise<void> {
  const network = await networkRow(tx, networkId)
  if (!network) return
  const subnets = await subnetsOfNetwork(tx, networkId)
  const served = network.admin_state_up === 1 ? subnets.filter((subnet) => subnet.enable_dhcp === 1) : []
  const existing = (await portsByOwner(tx, networkId, dhcpOwner))[0]
  const bound = await dhcpHost(tx, networkId)
  const host = bound ?? (served.length > 0 ? neutron.agents.choose('dhcp')?.host : undefined)
  if (served.length === 0 || host === undefined) {
    // The agent stays its own, as upstream, until an administrator takes it away.
    if (served.length === 0 && existing) await deletePortRow(tx, existing.id)
    return
  }
  if (bound === undefined) await bindDhcp(tx, networkId, host)
  try {
    if (!existing) await makePort(neutron, tx, ctx, network, subnets, served, host)
    else {
      if (existing.host_id !== host) await setPort(tx, existing.id, { ...bindTo(neutron, host, existing.vnic_type, dhcpOwner), device_id: deviceOf(networkId), status: 'DOWN' })
      await adaptPort(neutron, tx, existing, subnets, served)
    }
  } catch (error) {
    // A subnet without a free address goes without DHCP, as upstream's agent leaves it.
    if (!(error instanceof AppError) || error.status !== 409) throw error
    neutron.log.warn({ network: networkId, err: error }, 'no address is left for the DHCP port of a network')
  }
}

/** The agent was told: the port is shown as upstream's agent shows it once it is there. */
async function showServed(tx: Tx, networkId: string): Promise<void> {
  if ((await dhcpHost(tx, networkId)) === undefined) return
  for (const port of await portsByOwner(tx, networkId, dhcpOwner)) if (port.status !== 'ACTIVE') await setPort(tx, port.id, { status: 'ACTIVE' })
}

const wanted = (served: readonly SubnetRow[]) => served.map((subnet) => ({ subnet_id: subnet.id }))

async function makePort(neutron: Neutron, tx: Tx, ctx: RequestContext, network: NetworkRow, subnets: readonly SubnetRow[], served: readonly SubnetRow[], host: string): Promise<void> {
  await insertNewPort(neutron, tx, ctx, { network, subnets }, network.project_id, {
    name: '', device_owner: dhcpOwner, device_id: deviceOf(network.id), 'binding:host_id': host, fixed_ips: wanted(served),
  })
}

async function adaptPort(neutron: Neutron, tx: Tx, port: { id: string; mac_address: string; network_id: string }, subnets: readonly SubnetRow[], served: readonly SubnetRow[]): Promise<void> {
  const have = await allocationsOfPort(tx, port.id)
  const wantedIds = new Set(served.map((subnet) => subnet.id))
  await deleteAllocations(tx, port.id, have.filter((row) => !wantedIds.has(row.subnet_id)))
  const missing = served.filter((subnet) => !have.some((row) => row.subnet_id === subnet.id))
  if (missing.length === 0) return
  await claimAddresses(tx, await allocate(neutron, tx, { id: port.id, networkId: port.network_id, macAddress: port.mac_address, isRouter: false }, subnets, wanted(missing)))
}

const push = step<Neutron, NetworkInput>('push', {
  async run(neutron, run) {
    const { networkId, hosts = [] } = run.input
    await rpcClient(neutron.runtime.bus, neutron, pluginRpc).any().syncNetwork(run.ctx, { networkId, hosts: [...hosts] })
  },
  retries: 20,
})

export const syncNetwork = defineOperation<Neutron, NetworkInput>('network.sync', {
  input: Type.Object({ networkId: Type.String() }), deadlineSeconds: 3600, onCrash: 'resume',
  steps: [
    step<Neutron, NetworkInput>('dhcp-port', { commit: (tx, neutron, run) => arrangeDhcp(neutron, tx as Tx, run.ctx, run.input.networkId) }),
    push,
    step<Neutron, NetworkInput>('show', { commit: (tx, _neutron, run) => showServed(tx as Tx, run.input.networkId) }),
  ],
})

/** It was taken from its DHCP agent. Another one is chosen when something of it changes again. */
export const releaseNetwork = defineOperation<Neutron, NetworkInput>('network.release', {
  input: Type.Object({ networkId: Type.String(), hosts: Type.Array(Type.String()) }), deadlineSeconds: 3600, onCrash: 'resume', steps: [push],
})

export async function beginNetworkRelease(neutron: Neutron, tx: Tx, ctx: RequestContext, { id, project_id: projectId }: NetworkRow, host: string): Promise<void> {
  await unbindDhcp(tx, id)
  const [port] = await portsByOwner(tx, id, dhcpOwner)
  if (port) await setPort(tx, port.id, { ...unbound, device_id: reserved, status: 'DOWN' })
  await neutron.operations.begin(tx, ctx, releaseNetwork, { resourceId: id, projectId, input: { networkId: id, hosts: [host] } })
}

export async function beginNetworkSync(neutron: Neutron, tx: Tx, ctx: RequestContext, networkId: string, projectId: string): Promise<void> {
  await neutron.operations.begin(tx, ctx, syncNetwork, { resourceId: networkId, projectId, input: { networkId } })
}

