// Checks the networks and ports that a request names, as their user sees them, and learns what a build needs of them.
import type { RequestContext } from '#core/context'
import { BadRequest, Conflict, Forbidden } from '#core/errors'
import { FixedIpAlreadyInUse, NetworkAmbiguous, NetworkNotFound, PortLimitExceeded, PortNotFound } from '../../../model/errors.ts'
import type { RequestedNetwork } from '../../../model/server.ts'
import { listNetworks, listPorts, listSecurityGroups, type NetworkView, portQuota, type PortView } from '../../../neighbours/network.ts'
import type { Nova } from '../../nova.ts'
import type { NewServers, WantedNetwork } from './request.ts'

/**
 * How many of the wanted servers the project may make ports for; builds under way have not made theirs (nova/network/neutron.py, validate_networks).
 *
 * @throws PortLimitExceeded when they are too few
 */
export async function countWithPorts(nova: Nova, ctx: RequestContext, { networks, minCount, maxCount }: NewServers): Promise<number> {
  const named = typeof networks === 'string' ? [] : networks
  const each = networks === 'none' ? 0 : named.length === 0 ? 1 : named.filter(({ portId }) => portId === undefined).length
  if (each === 0) return maxCount
  const { limit, used } = await portQuota(nova.runtime, ctx)
  if (limit < 0) return maxCount
  if (used > limit) throw new PortLimitExceeded(`The number of defined ports: ${used} is over the limit: ${limit}`)
  const count = Math.min(maxCount, Math.floor((limit - used) / each))
  if (count < minCount) throw new PortLimitExceeded('Maximum number of ports exceeded')
  return count
}

/** @throws NetworkNotFound, PortNotFound, FixedIpAlreadyInUse, BadRequest, Forbidden, Conflict in upstream's words */
export async function resolveNetworks(nova: Nova, ctx: RequestContext, wanted: NewServers['networks'], maxCount: number): Promise<readonly RequestedNetwork[]> {
  if (wanted === 'none') return []
  if (wanted === 'default' || wanted === 'auto' || wanted.length === 0) return onlyNetwork(nova, ctx, wanted === 'auto')
  checkCounts(wanted, maxCount)
  const portIds = wanted.flatMap(({ portId }) => portId ?? [])
  const namedIds = [...new Set(wanted.flatMap(({ networkId }) => networkId ?? []))]
  const [ports, named] = await Promise.all([
    portIds.length === 0 ? [] : listPorts(nova.runtime, ctx, { id: portIds }),
    namedIds.length === 0 ? [] : listNetworks(nova.runtime, ctx, { id: namedIds }),
  ])
  const portOf = new Map(ports.map((port) => [port.id, port]))
  const networkOf = new Map(named.map((network) => [network.id, network]))
  await refuseTaken(nova, ctx, wanted)
  const missing = [...new Set(ports.map(({ networkId }) => networkId))].filter((id) => !networkOf.has(id))
  if (missing.length > 0) for (const network of await listNetworks(nova.runtime, ctx, { id: missing })) networkOf.set(network.id, network)
  return wanted.map((each): RequestedNetwork => {
    const tag = each.tag === undefined ? {} : { tag: each.tag }
    if (each.portId !== undefined) {
      const port = portOf.get(each.portId)
      if (!port) throw new PortNotFound(`Port id ${each.portId} could not be found.`)
      checkPort(port, ctx)
      const network = networkOf.get(port.networkId)
      return { networkId: port.networkId, networkName: network?.name ?? '', mtu: network?.mtu ?? 1500, portId: port.id, ...tag }
    }
    const network = networkOf.get(each.networkId ?? '')
    if (!network) throw new NetworkNotFound(`Network ${each.networkId ?? ''} could not be found.`)
    checkNetwork(nova, ctx, network)
    return { networkId: network.id, networkName: network.name, mtu: network.mtu, ...(each.fixedIp !== undefined && { fixedIp: each.fixedIp }), ...tag }
  })
}

/** @throws FixedIpAlreadyInUse for an address that another port is seen to have; one that is taken meanwhile fails the build */
async function refuseTaken(nova: Nova, ctx: RequestContext, wanted: readonly WantedNetwork[]): Promise<void> {
  for (const { networkId, fixedIp } of wanted) {
    if (networkId === undefined || fixedIp === undefined) continue
    const [taken] = await listPorts(nova.runtime, ctx, { network_id: [networkId], fixed_ips: [`ip_address=${fixedIp}`] })
    if (taken) throw new FixedIpAlreadyInUse(`Fixed IP address ${fixedIp} is already in use on instance ${taken.deviceId}.`)
  }
}

function checkCounts(wanted: readonly WantedNetwork[], maxCount: number): void {
  if (maxCount < 2) return
  if (wanted.some(({ fixedIp }) => fixedIp !== undefined)) throw new BadRequest('Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.')
  if (wanted.some(({ portId }) => portId !== undefined)) {
    throw new BadRequest('Failed to launch instances: Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one with different ports.')
  }
}

function checkPort(port: PortView, ctx: RequestContext): void {
  if (port.projectId !== ctx.identity.projectId && !ctx.identity.roles.includes('admin')) throw new PortNotFound(`Port id ${port.id} could not be found.`)
  if (port.deviceId !== '') throw new Conflict(`Port ${port.id} is still in use.`)
  if (port.fixedIps.length === 0) throw new BadRequest(`Port ${port.id} requires a FixedIP in order to be used.`)
}

function checkNetwork(nova: Nova, ctx: RequestContext, network: NetworkView): void {
  const { identity } = ctx
  if (network.external && !network.shared && !nova.policy.allows('network:attach_external_network', identity, { project_id: identity.projectId })) {
    throw new Forbidden(`It is not allowed to create an interface on external network ${network.id}`)
  }
  if (network.subnets.length === 0) throw new BadRequest(`Network ${network.id} requires a subnet in order to boot instances on.`)
}

/** The one network that the project can use; none is fine, several need a choice. */
async function onlyNetwork(nova: Nova, ctx: RequestContext, auto: boolean): Promise<readonly RequestedNetwork[]> {
  const visible = await listNetworks(nova.runtime, ctx, {})
  const usable = visible.filter((network) => (network.projectId === ctx.identity.projectId || network.shared) && network.subnets.length > 0 && !(network.external && !network.shared))
  if (usable.length > 1) throw new NetworkAmbiguous('Multiple possible networks found, use a Network ID to be more specific.')
  const [network] = usable
  if (!network) {
    if (auto) throw new BadRequest(`Unable to automatically allocate a network for project ${ctx.identity.projectId ?? ''}`)
    return []
  }
  return [{ networkId: network.id, networkName: network.name, mtu: network.mtu }]
}

/** Ids of security groups that are named or given by id; none stands for neutron's default. */
export async function resolveSecurityGroups(nova: Nova, ctx: RequestContext, wanted: readonly string[]): Promise<readonly string[]> {
  if (wanted.length === 0 || (wanted.length === 1 && wanted[0] === 'default')) return []
  const groups = await listSecurityGroups(nova.runtime, ctx)
  const own = groups.filter(({ projectId }) => projectId === ctx.identity.projectId)
  return wanted.map((name) => {
    const byId = groups.find(({ id }) => id === name)
    if (byId) return byId.id
    const named = own.filter((group) => group.name === name)
    if (named.length > 1) throw new Conflict(`Multiple security_group matches found for name '${name}', use an ID to be more specific.`)
    if (!named[0]) throw new BadRequest(`Security group ${name} not found for project ${ctx.identity.projectId ?? ''}.`)
    return named[0].id
  })
}
