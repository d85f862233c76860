// Creating ports: network and rights, MAC, addresses, security groups and binding, in one transaction and few statements.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { NewPort } from '../../contract/ports.ts'
import { networkRow, type Tx } from '../../db/networks.ts'
import { insertPort, insertPortSecurityGroups, type PortRecord, portRecord, savePairs } from '../../db/ports.ts'
import { groupOwners } from '../../db/security-groups.ts'
import { subnetsOfNetwork } from '../../db/subnets.ts'
import type { NetworkRow, PortRow, SubnetRow } from '../../db/tables.ts'
import { invalidAttribute, MacAddressGenerationFailure, MacAddressInUse, NetworkNotFound, PairsNeedPortSecurity, SecurityGroupNotFound, SecurityNeedsAddresses } from '../../model/errors.ts'
import { makeMac } from '../../model/mac.ts'
import { allows, attributeChecks, authorize, bit, ownerOf, seesAll, toFlag } from '../access.ts'
import { bindTo } from '../binding.ts'
import { createOnce } from '../create-once.ts'
import { allocate, claimAddresses } from '../ipam.ts'
import { type Neutron, timeText } from '../neutron.ts'
import { claimQuota } from '../quotas.ts'
import { ensureDefaultGroup } from '../security-group-defaults.ts'
import { membersChanged } from '../sync-groups.ts'
import { beginWire } from '../wire-port.ts'
import { type AddressPair, readDhcpOptions, readMac, readPairs } from './validate.ts'
import { networkTarget, portTarget } from '../targets.ts'
import { checkDevice } from './device.ts'

export type NewPortBody = Static<typeof NewPort>

/** A network with its subnets, read once for all ports that a request makes on it. */
export interface NetworkView {
  readonly network: NetworkRow
  readonly subnets: readonly SubnetRow[]
}

/** Those with rules of their own, in upstream's order. */
export const portAttributes = ['mac_address', 'fixed_ips', 'device_id', 'device_owner', 'allowed_address_pairs', 'binding:vnic_type', 'binding:host_id', 'binding:profile', 'port_security_enabled'] as const
const defaults = { device_id: '', device_owner: '', mac_address: null, fixed_ips: null, 'binding:host_id': '', 'binding:vnic_type': 'normal', 'binding:profile': null, allowed_address_pairs: null }
const macTries = 16
const vnicTypes = new Set(['normal', 'macvtap', 'direct', 'baremetal', 'direct-physical', 'virtio-forwarder', 'smart-nic', 'vdpa', 'remote-managed'])

export async function createPorts(neutron: Neutron, ctx: RequestContext, bodies: readonly NewPortBody[]): Promise<readonly PortRecord[]> {
  const networks = new Map<string, NetworkView>()
  return createOnce(neutron, ctx, bodies, { make: (tx, body) => createPort(neutron, tx, ctx, body, networks), find: portRecord })
}

async function createPort(neutron: Neutron, tx: Tx, ctx: RequestContext, body: NewPortBody, networks: Map<string, NetworkView>): Promise<PortRecord> {
  const projectId = ownerOf(neutron, ctx, body)
  const view = networks.get(body.network_id) ?? (await viewNetwork(tx, body.network_id))
  if (!view || !allows(neutron, ctx, 'get_network', networkTarget(view.network))) throw new NetworkNotFound(`Network ${body.network_id} could not be found.`)
  networks.set(body.network_id, view)
  authorize(neutron, ctx, 'create_port', portTarget({ project_id: projectId, device_owner: body.device_owner ?? '' }, view.network), attributeChecks('create_port', body, portAttributes, defaults))
  await checkDevice(neutron, tx, ctx, { project_id: projectId, device_owner: body.device_owner ?? '', device_id: body.device_id ?? '' })
  await claimQuota(neutron, tx, projectId, 'port')
  return insertNewPort(neutron, tx, ctx, view, projectId, body)
}

async function viewNetwork(tx: Tx, id: string): Promise<NetworkView | undefined> {
  const network = await networkRow(tx, id)
  return network && { network, subnets: await subnetsOfNetwork(tx, id) }
}

/** The port itself, rights and quota being settled: also for ports that neutron makes for itself. */
export async function insertNewPort(neutron: Neutron, tx: Tx, ctx: RequestContext, { network, subnets }: NetworkView, projectId: string, body: Omit<NewPortBody, 'network_id'>): Promise<PortRecord> {
  const now = timeText(neutron)
  const id = neutron.ids.uuid()
  const deviceOwner = body.device_owner ?? ''
  const trusted = deviceOwner.startsWith('network:')
  const secure = !trusted && toFlag(body.port_security_enabled, network.port_security_enabled === 1)
  const mac = body.mac_address === undefined ? makeMac(neutron.random) : readMac(body.mac_address)
  const vnicType = body['binding:vnic_type'] ?? 'normal'
  if (!vnicTypes.has(vnicType)) throw invalidAttribute('binding:vnic_type', `${vnicType} is not in valid_values`)
  const pairs = readPairs(body.allowed_address_pairs ?? null, mac)
  if (pairs.length > 0 && !secure) throw new PairsNeedPortSecurity('Port Security must be enabled in order to have allowed address pairs on a port.')

  let row: PortRow = {
    id, project_id: projectId, description: body.description ?? '', revision_number: 1, created_at: now, updated_at: now,
    network_id: network.id, name: body.name ?? '', admin_state_up: bit(toFlag(body.admin_state_up, true)), status: 'DOWN', mac_address: mac,
    device_id: body.device_id ?? '', device_owner: deviceOwner, port_security_enabled: bit(secure),
    allowed_address_pairs: JSON.stringify(pairs), extra_dhcp_opts: JSON.stringify(readDhcpOptions(body.extra_dhcp_opts ?? null)),
    vnic_type: vnicType, profile: JSON.stringify(body['binding:profile'] ?? {}), ...bindTo(neutron, body['binding:host_id'] ?? '', vnicType, deviceOwner),
  }
  const isRouter = deviceOwner.startsWith('network:router')
  const addresses = await allocate(neutron, tx, { id, networkId: network.id, macAddress: mac, isRouter }, subnets, body.fixed_ips ?? undefined)
  const groupIds = await groupsFor(neutron, tx, ctx, projectId, { secure, trusted, asked: body.security_groups ?? undefined, hasAddresses: addresses.length > 0 })
  row = await insertWithMac(neutron, tx, row, body.mac_address !== undefined)
  await claimAddresses(tx, addresses)
  await insertPortSecurityGroups(tx, id, groupIds)
  await savePairs(tx, id, pairs, false)
  const record: PortRecord = { row, addresses, securityGroupIds: groupIds, tags: [] }
  if (row.vif_type === 'bridge' && !trusted) await beginWire(neutron, tx, ctx, row)
  else if (groupIds.length > 0) await membersChanged(neutron, tx, ctx, groupIds, projectId, usedAddresses(record))
  return record
}

/** The addresses that a port sends from: its own, and those that it is allowed beside them. */
export function usedAddresses({ row, addresses }: Pick<PortRecord, 'row' | 'addresses'>): string[] {
  const pairs = row.allowed_address_pairs === '[]' ? [] : (JSON.parse(row.allowed_address_pairs) as AddressPair[])
  return [...new Set([...addresses.map((address) => address.ip_address), ...pairs.map((pair) => pair.ip_address)])]
}

/** A MAC of our own making that is taken is made anew; one that was asked for is refused. */
async function insertWithMac(neutron: Neutron, tx: Tx, row: PortRow, asked: boolean): Promise<PortRow> {
  let candidate = row
  for (let attempt = 0; attempt < macTries; attempt++) {
    if ((await insertPort(tx, candidate)) === undefined) return candidate
    if (asked) throw new MacAddressInUse(`Unable to complete operation for network ${row.network_id}. The mac address ${row.mac_address} is in use.`)
    candidate = { ...row, mac_address: makeMac(neutron.random) }
  }
  throw new MacAddressGenerationFailure(`Unable to generate unique mac on network ${row.network_id}.`)
}

/** @throws SecurityGroupNotFound also for a group of another project */
export async function groupsFor(neutron: Neutron, tx: Tx, ctx: RequestContext, projectId: string, port: { secure: boolean; trusted: boolean; asked: readonly string[] | undefined; hasAddresses: boolean }): Promise<string[]> {
  const { secure, trusted, asked, hasAddresses } = port
  if (asked && asked.length > 0 && (!secure || trusted)) {
    throw new SecurityNeedsAddresses('Port security must be enabled and port must have an IP address in order to use security groups.')
  }
  if (!secure || trusted) return []
  if (!asked) return hasAddresses || asked === undefined ? [await ensureDefaultGroup(neutron, tx, projectId)] : []
  const ids = [...new Set(asked)]
  if (ids.length === 0) return []
  const known = await groupOwners(tx, ids)
  const all = seesAll(neutron, ctx)
  const visible = new Set(known.filter((group) => all || group.project_id === projectId).map((group) => group.id))
  for (const id of ids) if (!visible.has(id)) throw new SecurityGroupNotFound(`Security group ${id} does not exist`)
  return ids
}

