// IPAM: the addresses of a port, asked for or chosen. The unique key of an allocation decides between two that ask at once.
import { lockClaim } from '#core/db'
import { insertAllocations, takenAmong, takenBetween } from '../db/allocations.ts'
import type { Tx } from '../db/networks.ts'
import type { AllocationRow, SubnetRow } from '../db/tables.ts'
import { addressKey, contains, eui64, formatIp, fromKey, type Ip, parseIp, parsePrefix } from '../model/addresses.ts'
import { AddressAlreadyAllocated, AddressGenerationFailure, invalidAttribute, InvalidInput, InvalidIpForNetwork, InvalidIpForSubnet } from '../model/errors.ts'
import type { Neutron } from './neutron.ts'

export interface WantedAddress {
  readonly subnet_id?: string | null | undefined
  readonly ip_address?: string | null | undefined
}

export interface Pool {
  readonly start: string
  readonly end: string
}

const tries = 8
/** Of an almost full pool so many taken addresses are looked at once, from a random place on. */
const window = 1000

/** Whether hosts make their own address from what routers announce. */
export function isAutoconfigured(subnet: Pick<SubnetRow, 'ip_version' | 'ipv6_address_mode' | 'ipv6_ra_mode'>): boolean {
  return subnet.ip_version === 6 && (subnet.ipv6_address_mode === 'slaac' || subnet.ipv6_address_mode === 'dhcpv6-stateless')
}

/**
 * Claim addresses for a port: those that are wanted, or one of each IP version that the network has.
 *
 * @param wanted undefined for what the network has to offer
 * @throws AddressAlreadyAllocated, AddressGenerationFailure, InvalidIpForNetwork, InvalidIpForSubnet
 */
export async function allocate(neutron: Neutron, tx: Tx, port: { id: string; networkId: string; macAddress: string; isRouter: boolean }, subnets: readonly SubnetRow[], wanted: readonly WantedAddress[] | undefined): Promise<AllocationRow[]> {
  if (subnets.length > 0) await lockClaim(tx, 'addresses', port.networkId)
  const plan = wanted === undefined ? defaultPlan(subnets) : wanted.map((each) => planned(port, subnets, each))
  const rows: AllocationRow[] = []
  const failed = new Set<number>()
  for (const { choices, address } of plan) {
    const row = address ? fixed(port, choices[0], address) : await chosen(neutron, tx, port, choices, rows)
    if (row) rows.push(row)
    else failed.add(choices[0]?.ip_version ?? 4)
  }
  if (failed.size > 0) throw new AddressGenerationFailure(`No more IP addresses available on network ${port.networkId}.`)
  return rows
}

/** Write what `allocate` chose, once the port's row is there. @throws AddressAlreadyAllocated */
export async function claimAddresses(tx: Tx, rows: readonly AllocationRow[]): Promise<void> {
  if (await insertAllocations(tx, rows)) return
  for (const row of rows) {
    if ((await takenAmong(tx, row.subnet_id, [row.address_key])).size > 0) {
      throw new AddressAlreadyAllocated(`IP address ${row.ip_address} already allocated in subnet ${row.subnet_id}`)
    }
  }
  throw new AddressAlreadyAllocated('The same IP address was asked for twice.')
}

interface Planned {
  readonly choices: readonly SubnetRow[]
  readonly address?: Ip
}

function defaultPlan(subnets: readonly SubnetRow[]): Planned[] {
  const plan: Planned[] = []
  for (const version of [4, 6]) {
    const choices = subnets.filter((subnet) => subnet.ip_version === version && !isAutoconfigured(subnet))
    if (choices.length > 0) plan.push({ choices })
  }
  // A self-made address comes from every such subnet.
  for (const subnet of subnets) if (isAutoconfigured(subnet)) plan.push({ choices: [subnet] })
  return plan
}

function planned(port: { networkId: string; isRouter: boolean }, subnets: readonly SubnetRow[], { subnet_id: subnetId, ip_address: addressText }: WantedAddress): Planned {
  if (subnetId === undefined || subnetId === null) {
    if (addressText === undefined || addressText === null) throw new InvalidInput('Invalid input for operation: IP allocation requires subnet_id or ip_address.')
    const address = readAddress(addressText)
    const choices = subnets.filter((subnet) => holds(subnet, address))
    if (choices.length === 0) throw new InvalidIpForNetwork(`IP address ${addressText} is not a valid IP for any of the subnets on the specified network.`)
    return { choices, address }
  }
  const subnet = subnets.find((each) => each.id === subnetId)
  if (!subnet) throw new InvalidInput(`Invalid input for operation: Failed to create port on network ${port.networkId}, because fixed_ips included invalid subnet ${subnetId}.`)
  if (addressText === undefined || addressText === null) return { choices: [subnet] }
  const address = readAddress(addressText)
  if (!holds(subnet, address)) throw new InvalidIpForSubnet(`IP address ${addressText} is not a valid IP for the specified subnet.`)
  if (isAutoconfigured(subnet) && !port.isRouter) {
    throw new InvalidInput(`Invalid input for operation: IPv6 address ${addressText} can not be directly assigned to a port on subnet ${subnetId} since the subnet is configured for automatic addresses.`)
  }
  return { choices: [subnet], address }
}

function readAddress(text: string): Ip {
  const address = parseIp(text)
  if (!address) throw invalidAttribute('fixed_ips', `'${text.slice(0, 64)}' is not a valid IP address`)
  return address
}

/** Whether a host may have the address: in the block, neither its network nor its broadcast address. */
export function holds(subnet: Pick<SubnetRow, 'cidr'>, address: Ip): boolean {
  const prefix = parsePrefix(subnet.cidr)
  if (!prefix || !contains(prefix, address)) return false
  const size = prefix.last - prefix.first + 1n
  if (size <= 2n) return true
  return address.value !== prefix.first && (address.version === 6 || address.value !== prefix.last)
}

function fixed(port: { id: string; networkId: string }, subnet: SubnetRow | undefined, address: Ip): AllocationRow | undefined {
  return subnet && { subnet_id: subnet.id, address_key: addressKey(address), ip_address: formatIp(address), port_id: port.id, network_id: port.networkId }
}

async function chosen(neutron: Neutron, tx: Tx, port: { id: string; networkId: string; macAddress: string }, choices: readonly SubnetRow[], mine: readonly AllocationRow[]): Promise<AllocationRow | undefined> {
  for (const subnet of choices) {
    const prefix = parsePrefix(subnet.cidr)
    if (isAutoconfigured(subnet) && prefix) return fixed(port, subnet, eui64(prefix, port.macAddress))
    const used = new Set(mine.filter((row) => row.subnet_id === subnet.id).map((row) => row.address_key))
    for (const pool of JSON.parse(subnet.allocation_pools) as Pool[]) {
      const address = await freeIn(neutron, tx, subnet, pool, used)
      if (address) return fixed(port, subnet, address)
    }
  }
  return undefined
}

/** A free address: a few random ones are looked up at once, which mostly suffices; else the first gap is searched. */
async function freeIn(neutron: Neutron, tx: Tx, subnet: SubnetRow, pool: Pool, used: ReadonlySet<string>): Promise<Ip | undefined> {
  const [start, end] = [parseIp(pool.start), parseIp(pool.end)]
  if (!start || !end) return undefined
  const size = end.value - start.value + 1n
  const span = Number(size < 0x7fffffffn ? size : 0x7fffffffn)
  const candidates: Ip[] = span <= tries
    ? Array.from({ length: span }, (_none, at) => ({ version: start.version, value: start.value + BigInt(at) }))
    : Array.from({ length: tries }, () => ({ version: start.version, value: start.value + BigInt(neutron.random.integer(span)) }))
  const taken = await takenAmong(tx, subnet.id, candidates.map(addressKey))
  const free = candidates.find((candidate) => !taken.has(addressKey(candidate)) && !used.has(addressKey(candidate)))
  if (free || span <= tries) return free
  return firstGap(tx, subnet, start, end, used)
}

async function firstGap(tx: Tx, subnet: SubnetRow, start: Ip, end: Ip, used: ReadonlySet<string>): Promise<Ip | undefined> {
  let next = start
  for (;;) {
    const taken = await takenBetween(tx, subnet.id, addressKey(next), addressKey(end), window)
    for (const key of taken) {
      const { value } = fromKey(start.version, key)
      while (next.value < value) {
        if (!used.has(addressKey(next))) return next
        next = { ...next, value: next.value + 1n }
      }
      next = { ...next, value: value + 1n }
    }
    if (taken.length < window) break
  }
  while (next.value <= end.value) {
    if (!used.has(addressKey(next))) return next
    next = { ...next, value: next.value + 1n }
  }
  return undefined
}
