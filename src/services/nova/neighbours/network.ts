// What nova asks of neutron: networks and ports that a request names, and the ports of servers.
import { floatingIpRoutes, type Network, networkRoutes, type Port, portRoutes, quotaRoutes, securityGroupRoutes, subnetRoutes } from '#contract/neutron'
import { type Caller, client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError, BadRequest, Conflict, NotFound } from '#core/errors'
import { asService, onBehalfOf, type Runtime } from '#core/service'
import type { Static } from '#core/spec'
import type { MetadataFacts, SubnetFacts } from '../model/metadata-tree.ts'
import { NoMoreFixedIps, PortLimitExceeded } from '../model/errors.ts'
import { unlimited } from '../model/quota.ts'
import type { FixedAddress, RequestedNetwork, ServerPort } from '../model/server.ts'
import { unlessAbsent } from './absent.ts'

type Access = Pick<Runtime, 'credentials' | 'services'>

export interface NetworkView {
  readonly id: string
  readonly name: string
  readonly mtu: number
  readonly external: boolean
  readonly shared: boolean
  readonly projectId: string
  readonly subnets: readonly string[]
  readonly portSecurity: boolean
}

export interface PortView {
  readonly id: string
  readonly networkId: string
  readonly projectId: string
  readonly macAddress: string
  readonly deviceId: string
  readonly deviceOwner: string
  readonly host: string
  readonly status: string
  readonly active: boolean
  /** Its binding failed: the network will not plug it in. */
  readonly unpluggable: boolean
  readonly fixedIps: readonly { readonly subnetId: string; readonly address: string }[]
  readonly securityGroups: readonly string[]
}

const pageOfPorts = 1000

const toNetwork = (row: Static<typeof Network>): NetworkView => ({
  id: row.id, name: row.name, mtu: row.mtu, external: row['router:external'] === true, shared: row.shared === true,
  projectId: row.project_id, subnets: row.subnets, portSecurity: row.port_security_enabled !== false,
})
const bindingOf = (row: Pick<Static<typeof Port>, 'binding:host_id' | 'binding:vif_type'>) =>
  ({ host: row['binding:host_id'] ?? '', unpluggable: row['binding:vif_type'] === 'binding_failed' })
const toView = (row: Static<typeof Port>): PortView => ({
  id: row.id, networkId: row.network_id, projectId: row.project_id, macAddress: row.mac_address, deviceId: row.device_id, deviceOwner: row.device_owner,
  ...bindingOf(row), status: row.status, active: row.status === 'ACTIVE',
  securityGroups: row.security_groups ?? [],
  fixedIps: row.fixed_ips.map((ip) => ({ subnetId: ip.subnet_id, address: ip.ip_address })),
})

export async function listNetworks(runtime: Access, ctx: RequestContext, query: Readonly<Record<string, string | readonly string[]>>): Promise<NetworkView[]> {
  const { body } = await client(networkRoutes, runtime.services.neutron, await onBehalfOf(runtime, ctx)).listNetworks({ query })
  return body.networks.map(toNetwork)
}

export async function listPorts(runtime: Access, ctx: RequestContext, query: Readonly<Record<string, string | readonly string[]>>): Promise<PortView[]> {
  const { body } = await client(portRoutes, runtime.services.neutron, await onBehalfOf(runtime, ctx)).listPorts({ query })
  return body.ports.map(toView)
}

/** How many ports the user's project may have, and how many it has. */
export async function portQuota(runtime: Access, ctx: RequestContext): Promise<{ readonly limit: number; readonly used: number }> {
  const { body } = await client(quotaRoutes, runtime.services.neutron, await onBehalfOf(runtime, ctx)).showQuotaDetails({ params: { project_id: ctx.identity.projectId ?? '' } })
  return body.quota['port'] ?? { limit: unlimited, used: 0 }
}

/** All ports of a server, whoever made them. */
export async function portsOfServer(runtime: Access, ctx: RequestContext, serverId: string): Promise<PortView[]> {
  const { body } = await client(portRoutes, runtime.services.neutron, await asService(runtime, ctx)).listPorts({ query: { device_id: serverId } })
  return body.ports.map(toView)
}

export interface ServerPortView extends Pick<PortView, 'id' | 'projectId' | 'deviceId' | 'host' | 'unpluggable'> {
  /** Says itself that the device is a server. */
  readonly ofServer: boolean
}

const fieldsOfServerPort = ['id', 'project_id', 'device_id', 'device_owner', 'binding:host_id', 'binding:vif_type']

/** Every port that says it belongs to a device other than the network's own, page by page. */
export async function portsOfServers(runtime: Access, ctx: RequestContext): Promise<ServerPortView[]> {
  const found: ServerPortView[] = []
  for (let marker: string | undefined, more = true; more;) {
    const query = { fields: fieldsOfServerPort, sort_key: 'id', sort_dir: 'asc', limit: String(pageOfPorts), ...(marker !== undefined && { marker }) }
    const { body: { ports } } = await client(portRoutes, runtime.services.neutron, await asService(runtime, ctx)).listPorts({ query })
    for (const { id, project_id: projectId, device_id: deviceId, device_owner: owner, ...binding } of ports) {
      if (deviceId === '' || owner.startsWith('network:')) continue
      found.push({ id, projectId, deviceId, ofServer: owner.startsWith('compute:'), ...bindingOf(binding) })
    }
    more = ports.length === pageOfPorts
    marker = ports.at(-1)?.id
  }
  return found
}

/** The user's security groups by name or id. */
export async function listSecurityGroups(runtime: Access, ctx: RequestContext): Promise<{ id: string; name: string; projectId: string }[]> {
  const { body } = await client(securityGroupRoutes, runtime.services.neutron, await onBehalfOf(runtime, ctx)).listSecurityGroups({ query: { fields: ['id', 'name', 'project_id'] } })
  return body.security_groups.map((row) => ({ id: row.id, name: row.name, projectId: row.project_id }))
}

async function listSubnets(runtime: Access, ctx: RequestContext, ids: readonly string[]): Promise<SubnetFacts[]> {
  if (ids.length === 0) return []
  const { body } = await client(subnetRoutes, runtime.services.neutron, await asService(runtime, ctx)).listSubnets({ query: { id: ids } })
  return body.subnets.map((row) => ({
    id: row.id, cidr: row.cidr, version: row.ip_version === 6 ? 6 : 4, gateway: row.gateway_ip, dhcp: row.enable_dhcp === true, nameServers: row.dns_nameservers, routes: row.host_routes,
  }))
}

/** As the L2 agents name a port's device. */
export function tapName(portId: string): string {
  return `tap${portId.slice(0, 11)}`
}

export function toServerPort(port: PortView, network: { networkName: string; mtu: number }, more: { preserve: boolean; tag?: string }): ServerPort {
  return {
    portId: port.id, networkId: port.networkId, networkName: network.networkName, mtu: network.mtu, macAddress: port.macAddress, tap: tapName(port.id),
    addresses: port.fixedIps.map(({ subnetId, address }): FixedAddress => ({ address, version: address.includes(':') ? 6 : 4, subnetId, floating: [] })),
    securityGroups: port.securityGroups, preserve: more.preserve, active: port.active, ...(more.tag !== undefined && { tag: more.tag }),
  }
}

export interface PortOwner {
  readonly serverId: string
  readonly projectId: string
  readonly host: string
  readonly zone: string
  readonly securityGroups: readonly string[]
}

/** In the words of nova's clients (nova/network/neutron.py, _create_port_minimal). */
function refusalOfPort(error: unknown, networkId: string): unknown {
  const kind = error instanceof AppError ? error.details['kind'] : undefined
  if (kind === 'IpAddressGenerationFailure') return new NoMoreFixedIps(`No fixed IP addresses available for network: ${networkId}`, {}, error)
  return kind === 'OverQuota' ? new PortLimitExceeded('Maximum number of ports exceeded', {}, error) : error
}

/** Make a port for a server, bound to its host; repeating it with the same key answers the same port. @throws NoMoreFixedIps, PortLimitExceeded */
export async function createPort(runtime: Access, ctx: RequestContext, owner: PortOwner, network: RequestedNetwork, key: string): Promise<PortView> {
  const caller: Caller = { ...(await asService(runtime, ctx)), idempotencyKey: key }
  const { body } = await client(portRoutes, runtime.services.neutron, caller).createPort({
    body: {
      port: {
        network_id: network.networkId, project_id: owner.projectId, device_id: owner.serverId, device_owner: `compute:${owner.zone}`, 'binding:host_id': owner.host, admin_state_up: true,
        ...(network.fixedIp !== undefined && { fixed_ips: [{ ip_address: network.fixedIp }] }),
        ...(owner.securityGroups.length > 0 && { security_groups: [...owner.securityGroups] }),
      },
    },
  }).catch((error: unknown) => {
    throw refusalOfPort(error, network.networkId)
  })
  return toView(body.port)
}

/**
 * Give an existing port to a server, on its host. Of two servers that want it, one gets it. Repeating it with the same key changes nothing more.
 *
 * @throws Conflict when another one has it
 */
export async function bindPort(runtime: Access, ctx: RequestContext, owner: PortOwner, portId: string, key: string): Promise<PortView> {
  const caller = await asService(runtime, ctx)
  const ports = (more: Partial<Caller>) => client(portRoutes, runtime.services.neutron, { ...caller, ...more })
  const { body: { port } } = await ports({}).showPort({ params: { id: portId } })
  if (port.device_id !== '' && port.device_id !== owner.serverId) throw new Conflict(`Port ${portId} is still in use.`)
  const { body } = await ports({ idempotencyKey: key, headers: unchangedSince(port) }).updatePort({
    params: { id: portId }, body: { port: { device_id: owner.serverId, device_owner: `compute:${owner.zone}`, 'binding:host_id': owner.host } },
  })
  if (body.port.device_id !== owner.serverId) throw new Conflict(`Port ${portId} was given to this server and taken from it.`)
  return toView(body.port)
}

const unchangedSince = (port: Static<typeof Port>) => ({ 'if-match': `revision_number=${port.revision_number}` })
/** It was changed in between, by its owner for instance. */
const isOutdated = (error: unknown): boolean => error instanceof AppError && error.status === 412

/** Bind a server's port to its host, whatever it was bound to. @throws Conflict when it is not the server's any more, or cannot be plugged in there */
export async function rebindPort(runtime: Access, ctx: RequestContext, portId: string, serverId: string, host: string): Promise<void> {
  const caller = await asService(runtime, ctx)
  const { body: { port } } = await client(portRoutes, runtime.services.neutron, caller).showPort({ params: { id: portId } })
  if (port.device_id !== serverId) throw new Conflict(`Port ${portId} is not the server's any more.`)
  const { body } = await client(portRoutes, runtime.services.neutron, { ...caller, headers: unchangedSince(port) }).updatePort({ params: { id: portId }, body: { port: { 'binding:host_id': host } } })
  if (toView(body.port).unpluggable) throw new Conflict(`No network agent of ${host} can plug it in.`)
}

/** A port that is another server's by now stays with it, though this comes late. */
export async function unbindPort(runtime: Access, ctx: RequestContext, portId: string, serverId: string): Promise<void> {
  const caller = await asService(runtime, ctx)
  for (;;) {
    const shown = await unlessAbsent(client(portRoutes, runtime.services.neutron, caller).showPort({ params: { id: portId } }))
    if (shown?.body.port.device_id !== serverId) return
    try {
      await unlessAbsent(client(portRoutes, runtime.services.neutron, { ...caller, headers: unchangedSince(shown.body.port) }).updatePort({
        params: { id: portId }, body: { port: { device_id: '', device_owner: '', 'binding:host_id': '' } },
      }))
      return
    } catch (error) {
      if (!isOutdated(error)) throw error
    }
  }
}

type FixedIps = Static<typeof Port>['fixed_ips']
type FixedIpsWish = readonly { readonly subnet_id?: string; readonly ip_address?: string }[]

/** As its user may, and once for a key. @param decide the addresses that it shall have, given those that it has */
async function changeFixedIps(runtime: Access, ctx: RequestContext, portId: string, key: string, decide: (has: FixedIps) => FixedIpsWish): Promise<void> {
  const caller = await onBehalfOf(runtime, ctx)
  for (;;) {
    const { body: { port } } = await client(portRoutes, runtime.services.neutron, caller).showPort({ params: { id: portId } })
    try {
      await client(portRoutes, runtime.services.neutron, { ...caller, idempotencyKey: key, headers: unchangedSince(port) }).updatePort({
        params: { id: portId }, body: { port: { fixed_ips: [...decide(port.fixed_ips)] } },
      })
      return
    } catch (error) {
      if (!isOutdated(error)) throw error
    }
  }
}

/** Give a port one more address, of a subnet that has one left. @throws what neutron said of the last of its network's subnets; NotFound where it has none */
export async function addAddress(runtime: Access, ctx: RequestContext, { portId, networkId, serverId }: { portId: string; networkId: string; serverId: string }, key: string): Promise<void> {
  const { body: { subnets } } = await client(subnetRoutes, runtime.services.neutron, await onBehalfOf(runtime, ctx)).listSubnets({ query: { network_id: networkId } })
  let refusal: AppError = new NotFound(`Network could not be found for instance ${serverId}.`)
  for (const { id } of subnets) {
    try {
      return await changeFixedIps(runtime, ctx, portId, key, (has) => [...has, { subnet_id: id }])
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error
      refusal = error
    }
  }
  throw refusal
}

export async function removeAddress(runtime: Access, ctx: RequestContext, portId: string, address: string, key: string): Promise<void> {
  await changeFixedIps(runtime, ctx, portId, key, (has) => has.filter(({ ip_address: each }) => each !== address))
}

export async function deletePort(runtime: Access, ctx: RequestContext, portId: string): Promise<void> {
  await unlessAbsent(client(portRoutes, runtime.services.neutron, await asService(runtime, ctx)).deletePort({ params: { id: portId } }))
}

/** @throws BadRequest for a port that can have none, in nova's words */
export async function setSecurityGroups(runtime: Access, ctx: RequestContext, portId: string, groups: readonly string[]): Promise<void> {
  try {
    await client(portRoutes, runtime.services.neutron, await onBehalfOf(runtime, ctx)).updatePort({ params: { id: portId }, body: { port: { security_groups: [...groups] } } })
  } catch (error) {
    const cannot = error instanceof AppError && error.details['kind'] === 'PortSecurityAndIPRequiredForSecurityGroups'
    throw cannot ? new BadRequest('Network requires port_security_enabled and subnet associated in order to apply security groups.', {}, error) : error
  }
}

/** Name and MTU of networks, whoever they belong to. */
export async function networkFacts(runtime: Access, ctx: RequestContext, ids: readonly string[]): Promise<ReadonlyMap<string, { networkName: string; mtu: number }>> {
  if (ids.length === 0) return new Map()
  const { body } = await client(networkRoutes, runtime.services.neutron, await asService(runtime, ctx)).listNetworks({ query: { id: ids } })
  return new Map(body.networks.map(toNetwork).map(({ id, name, mtu }) => [id, { networkName: name, mtu }]))
}

/** Floating addresses that lead to these ports. */
export async function floatingAddresses(runtime: Access, ctx: RequestContext, ports: readonly PortView[]): Promise<{ portId: string; fixed: string; address: string }[]> {
  if (ports.length === 0) return []
  const { body } = await client(floatingIpRoutes, runtime.services.neutron, await asService(runtime, ctx)).listFloatingIps({ query: { port_id: ports.map(({ id }) => id) } })
  return body.floatingips.flatMap(({ port_id: portId, fixed_ip_address: fixed, floating_ip_address: address }) => (portId === null || fixed === null ? [] : [{ portId, fixed, address }]))
}

/** Names of security groups, whoever they belong to. */
export async function securityGroupNames(runtime: Access, ctx: RequestContext, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { body } = await client(securityGroupRoutes, runtime.services.neutron, await asService(runtime, ctx)).listSecurityGroups({ query: { id: ids, fields: ['id', 'name'] } })
  return new Map(body.security_groups.map((row): [string, string] => [row.id, row.name]))
}

/** What a guest may learn of its network. */
export async function guestNetwork(runtime: Access, ctx: RequestContext, ports: readonly ServerPort[]): Promise<Pick<MetadataFacts, 'subnets' | 'securityGroupNames'>> {
  const subnetIds = [...new Set(ports.flatMap(({ addresses }) => addresses.map(({ subnetId }) => subnetId)))]
  const groupIds = [...new Set(ports.flatMap(({ securityGroups }) => securityGroups))]
  const [subnets, groups] = await Promise.all([
    listSubnets(runtime, ctx, subnetIds), groupIds.length === 0 ? new Map<string, string>() : securityGroupNames(runtime, ctx, groupIds),
  ])
  return { subnets, securityGroupNames: [...groups.values()] }
}

export interface SecurityGroupView {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly projectId: string
  readonly rules: readonly SecurityRuleView[]
}

export interface SecurityRuleView {
  readonly id: string
  readonly direction: string
  readonly protocol: string | null
  readonly fromPort: number | null
  readonly toPort: number | null
  readonly prefix: string | null
  readonly remoteGroupId: string | null
}

export async function securityGroupDetails(runtime: Access, ctx: RequestContext, ids: readonly string[]): Promise<SecurityGroupView[]> {
  const { body } = await client(securityGroupRoutes, runtime.services.neutron, await asService(runtime, ctx)).listSecurityGroups({ query: { id: ids } })
  return body.security_groups.map((row): SecurityGroupView => ({
    id: row.id, name: row.name, description: row.description, projectId: row.project_id,
    rules: row.security_group_rules.map((each) => ({
      id: each.id, direction: each.direction, protocol: each.protocol, fromPort: each.port_range_min, toPort: each.port_range_max,
      prefix: each.remote_ip_prefix, remoteGroupId: each.remote_group_id,
    })),
  }))
}
