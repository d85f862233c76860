// The plugin: binds ports, tells the agents of a host what to do, and answers what they ask. It alone speaks to agents.
import type { RequestContext } from '#core/context'
import type { RpcServer } from '#core/rpc'
import { rpcClient } from '#core/rpc'
import { mark, traced } from '#core/trace'
import { dhcpAgentRpc, l2AgentRpc, l3AgentRpc, metadataAgentRpc, type pluginRpc } from '../contract/agent-rpc.ts'
import { dhcpHost, dhcpNetworks } from '../db/agents.ts'
import { networkRow, segmentOf } from '../db/networks.ts'
import { hostsOfNetwork, portRecord, portRow, portsByOwner, portsOnHost, saveBindingLevel, setPort } from '../db/ports.ts'
import { routerRow, routersOnHost, setFloatingIpStatus } from '../db/routers.ts'
import { hostsOfGroups, memberAddresses } from '../db/security-groups.ts'
import { PortBindingFailed } from '../model/errors.ts'
import { bindTo, isWired } from '../domain/binding.ts'
import { metadataPort } from '../domain/metadata.ts'
import type { AgentKind } from '../domain/agents.ts'
import { noteMissed } from '../domain/missed.ts'
import type { Neutron } from '../domain/neutron.ts'
import { usedAddresses } from '../domain/ports/create.ts'
import { dhcpHosts, dhcpSpec, groupSpecs, groupsOfPort, networkSpec, portSpec, routerSpec } from '../domain/specs.ts'
import { dhcpOwner } from '../domain/sync-network.ts'
import { hostState } from './host-state.ts'

export function pluginServer(neutron: Neutron): RpcServer<typeof pluginRpc> {
  const { database, runtime: { bus, trace }, clock } = neutron
  const l2 = rpcClient(bus, neutron, l2AgentRpc)
  const dhcp = rpcClient(bus, neutron, dhcpAgentRpc)
  const l3 = rpcClient(bus, neutron, l3AgentRpc)
  const metadata = rpcClient(bus, neutron, metadataAgentRpc)
  const alive = (kind: AgentKind, host: string) => neutron.agents.isAlive(neutron.agents.find(kind, host))
  /** Those that are down too. */
  const hostsWith = (kind: AgentKind) => neutron.agents.all().filter((agent) => agent.kind === kind).map((agent) => agent.host)

  /** Say something to an agent. One that is down is not waited for: it is noted that it missed something. */
  async function tell(kind: AgentKind, host: string, say: () => Promise<unknown>): Promise<void> {
    if (alive(kind, host)) await say()
    else await noteMissed(neutron, kind, host)
  }

  /** The same where nobody should wait for an agent that does not answer. */
  async function tellInPassing(ctx: RequestContext, kind: AgentKind, host: string, say: () => Promise<unknown>): Promise<void> {
    try {
      await tell(kind, host, say)
    } catch (error) {
      ctx.log.warn({ err: error, kind, host }, 'an agent could not be told something; it will compare its host with the whole')
      await noteMissed(neutron, kind, host)
    }
  }

  /** Other hosts of a network learn where its ports are, when tunnels join them. */
  async function tellOthers(ctx: RequestContext, networkId: string, except: string): Promise<void> {
    if (hostsWith('l2').every((host) => host === except) || hostsWith('l2').length < 2) return
    const others = (await hostsOfNetwork(database.read, networkId)).filter((host) => host !== except)
    if (others.length === 0) return
    const network = await networkRow(database.read, networkId)
    if (!network || (await segmentOf(database.read, networkId))?.network_type !== 'vxlan') return
    await Promise.all(others.map((host) => tellInPassing(ctx, 'l2', host, () => l2.on(host).networkChanged(ctx, { networkId }))))
  }

  /** Hosts without ports of the groups are not told of new rules; of single addresses all are, since asking for whom costs more. */
  async function pushGroups(ctx: RequestContext, groupIds: readonly string[], addressSetIds: readonly string[], addresses: readonly string[], except?: string): Promise<void> {
    const all = hostsWith('l2').filter((host) => host !== except)
    if (all.length === 0) return
    const concerned = groupIds.length > 0 ? new Set(await hostsOfGroups(database.read, groupIds)) : undefined
    const hosts = concerned ? all.filter((host) => concerned.has(host)) : all
    await Promise.all(hosts.map((host) => {
      const say = () => l2.on(host).groupsChanged(ctx, { groupIds: [...groupIds], addressSetIds: [...addressSetIds], addresses: [...addresses] })
      return except === undefined ? tell('l2', host, say) : tellInPassing(ctx, 'l2', host, say)
    }))
  }

  /** One port of a network is not as DHCP knows it. */
  async function tellDhcp(ctx: RequestContext, networkId: string, portId: string): Promise<void> {
    const host = await dhcpHost(database.read, networkId)
    if (host !== undefined) await tell('dhcp', host, () => dhcp.on(host).portChanged(ctx, { networkId, portId }))
  }

  async function serveDhcp(ctx: RequestContext, networkId: string, former: readonly string[]): Promise<void> {
    const bound = await dhcpHost(database.read, networkId)
    // Without a port there is no place to listen in: nothing is to be served, or no address was left.
    const isServed = (await portsByOwner(database.read, networkId, dhcpOwner)).length > 0
    const hosts = new Set([...former, ...(bound === undefined ? hostsWith('dhcp') : [bound])])
    await Promise.all([...hosts].map(async (host) => {
      await tell('dhcp', host, () => dhcp.on(host).syncNetwork(ctx, { networkId }))
      if (alive('metadata', host)) await metadata.on(host).sync(ctx, { networkId, present: isServed && bound === host })
    }))
  }

  return {
    async bindPort(ctx, { portId, host }) {
      mark(trace, clock, ctx, 31)
      return traced(trace, clock, ctx, 32, () => database.transaction(async (tx) => {
        const row = await portRow(tx, portId)
        if (!row || row.host_id !== host) return { bound: false }
        const segment = await segmentOf(tx, row.network_id)
        const binding = bindTo(neutron, host, row.vnic_type, row.device_owner)
        if (!segment) throw new PortBindingFailed('The network of the port has no segment that could be carried to a host.')
        if (binding.vif_type === 'binding_failed') throw new PortBindingFailed("No network agent that could plug it in is alive on the port's host.")
        await saveBindingLevel(tx, { port_id: portId, host_id: host, driver: 'linuxbridge', segment_id: segment.id })
        if (row.status !== 'ACTIVE') await setPort(tx, portId, { ...binding, status: 'BUILD' })
        return { bound: true }
      }))
    },

    async wirePort(ctx, { portId, host }) {
      const { read } = database
      const record = await portRecord(read, portId)
      const network = record && (await networkRow(read, record.row.network_id))
      // A port that became a router's meanwhile is no guest's to wire.
      if (!record || !network || record.row.host_id !== host || !isWired(record.row)) return { up: false }
      const needs = await groupsOfPort(read, record.securityGroupIds)
      const wiring = { network: await networkSpec(neutron, read, network, host), port: portSpec(record, network.mtu), revision: record.row.revision_number, ...needs }
      mark(trace, clock, ctx, 33)
      const [{ up }] = await Promise.all([
        l2.on(host).wirePort(ctx, { wiring }),
        tellDhcp(ctx, network.id, portId),
        pushGroups(ctx, [], record.securityGroupIds, usedAddresses(record), host),
        tellOthers(ctx, network.id, host),
      ])
      return { up }
    },

    async unwirePort(ctx, { portId, host, networkId }) {
      await tell('l2', host, () => l2.on(host).unwirePort(ctx, { portId }))
      await Promise.all([tellDhcp(ctx, networkId, portId), tellOthers(ctx, networkId, host)])
      return {}
    },

    async syncNetwork(ctx, { networkId, hosts: former }) {
      await serveDhcp(ctx, networkId, former ?? [])
      const network = await networkRow(database.read, networkId)
      const hosts = network ? await hostsOfNetwork(database.read, networkId) : hostsWith('l2')
      await Promise.all(hosts.map((host) => tell('l2', host, () => l2.on(host).networkChanged(ctx, { networkId }))))
      return {}
    },

    async syncRouter(ctx, { routerId, hosts, networkIds }) {
      const row = await routerRow(database.read, routerId)
      // Before the rest: what the router's own host may not be able to do is no reason for others not to know where it is.
      await Promise.all((networkIds ?? []).map((networkId) => tellOthers(ctx, networkId, '')))
      for (const host of new Set([...hosts, ...(row && row.host !== '' ? [row.host] : [])])) {
        await tell('l3', host, () => l3.on(host).syncRouter(ctx, { routerId }))
        if (alive('metadata', host)) await metadata.on(host).sync(ctx, { routerId, present: row?.host === host })
      }
      return {}
    },

    async syncGroups(ctx, { groupIds, addressSetIds, addresses }) {
      await pushGroups(ctx, groupIds, addressSetIds, addresses ?? [])
      return {}
    },

    async syncAgent(ctx, { kind, host }) {
      if (kind === 'l2') await l2.on(host).resync(ctx, {})
      else if (kind === 'dhcp') await dhcp.on(host).resync(ctx, {})
      else if (kind === 'l3') await l3.on(host).resync(ctx, {})
      return {}
    },

    async portIsUp(ctx, { portId, host, wired }) {
      return traced(trace, clock, ctx, 35, () => database.transaction(async (tx) => {
        const row = await portRow(tx, portId)
        if (row?.host_id !== host || !isWired(row)) return { known: false }
        const status = row.admin_state_up === 1 ? 'ACTIVE' : 'DOWN'
        if (wired !== false && row.status !== status) await setPort(tx, portId, { status })
        return { known: true }
      }))
    },

    async routerIsUp(_ctx, { routerId, host }) {
      return database.transaction(async (tx) => {
        const row = await routerRow(tx, routerId)
        if (row?.host !== host) return { known: false }
        await setFloatingIpStatus(tx, routerId, 'ACTIVE')
        return { known: true }
      })
    },

    hostState: async (_ctx, { host }) => hostState(neutron, host, await portsOnHost(database.read, host)),
    async networkSpec(_ctx, { networkId, host }) {
      const network = await networkRow(database.read, networkId)
      if (!network) return { here: false }
      return { network: { ...(await networkSpec(neutron, database.read, network, host)) }, here: (await hostsOfNetwork(database.read, networkId)).includes(host) }
    },
    addressesIn: async (_ctx, { addressSetId, addresses }) => ({ present: await memberAddresses(database.read, addressSetId, addresses) }),
    dhcpHosts: async (_ctx, { networkId, portIds }) => ({ hosts: await dhcpHosts(database.read, networkId, portIds) }),
    groupSpecs: (_ctx, { groupIds, addressSetIds }) => groupSpecs(database.read, groupIds, addressSetIds),
    dhcpState: async (_ctx, { host }) => ({ networkIds: await dhcpNetworks(database.read, host) }),
    dhcpSpec: (_ctx, { networkId, host }) => dhcpSpec(neutron, database.read, networkId, host),
    routerState: async (_ctx, { host }) => ({ routerIds: (await routersOnHost(database.read, host)).map((row) => row.id) }),
    routerSpec: (_ctx, { routerId, host }) => routerSpec(neutron, database.read, routerId, host),
    metadataPort: (_ctx, where) => metadataPort(neutron, where),
  }
}
