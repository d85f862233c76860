// Devices that join a namespace of the cloud's to a segment, and the addresses on them.
import { CommandFailed, type Privileged } from '#core/process'
import type { Engine } from './engine.ts'
import { bridgeOf } from './names.ts'

/** A veth pair: one end in the fabric, on a bridge, the other inside a namespace. */
export interface Pair {
  readonly tap: string
  readonly device: string
  readonly mtu: number
  readonly networkId: string
}

/** Make the pairs whose devices are not among those that are present in the namespace, and put the ends of all on their bridges. */
export async function attach({ privileged, names }: Engine, netns: string, present: readonly DeviceAddresses[], pairs: readonly Pair[]): Promise<void> {
  const missing = pairs.filter(({ device }) => !present.some(({ ifname }) => ifname === device))
  await removeLeftEnds(privileged, missing.map(({ tap }) => tap), { netns: names.fabric })
  await privileged.ip([
    ...missing.map(({ tap, device }) => `link add ${tap} type veth peer name ${device} netns ${netns}`),
    ...pairs.flatMap(({ tap, mtu, networkId }) => [`link set ${tap} mtu ${mtu} master ${bridgeOf(networkId)}`, `link set ${tap} up`]),
  ], { netns: names.fabric })
}

/**
 * Of a pair whose other end is not where it belongs, one end may still be there: a namespace that was unmounted lives on while
 * a socket in it is open, and until the kernel has torn it down, which would take a new user of this end along.
 */
export async function removeLeftEnds(privileged: Privileged, ends: readonly string[], where: { readonly netns?: string }): Promise<void> {
  if (ends.length > 0) await privileged.ip(ends.map((end) => `link del ${end}`), { ...where, tolerate: ['absent'] })
}

export interface DeviceAddresses {
  readonly ifname: string
  /** The MAC address. */
  readonly address: string
  readonly flags: readonly string[]
  readonly master?: string
  readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[]
}

export const devicesIn = async (privileged: Privileged, netns: string) =>
  await privileged.ipQuery(['addr', 'show'], { netns }) as DeviceAddresses[]

export const addressesOf = (device: DeviceAddresses) =>
  device.addr_info.filter(({ family }) => family === 'inet').map(({ local, prefixlen }) => `${local}/${prefixlen}`)

/** Lines that take away addresses that a device should not have. */
export function prunedAddressLines(present: readonly DeviceAddresses[], wanted: Readonly<Record<string, readonly string[]>>): string[] {
  return present.flatMap((device) => {
    const keep = wanted[device.ifname]
    if (!keep) return []
    return addressesOf(device).filter((address) => !keep.includes(address)).map((address) => `addr del ${address} dev ${device.ifname}`)
  })
}

/**
 * Delete a namespace with its devices. The kernel tears a namespace down later, by itself; the devices go first, so that
 * their other ends are gone when this returns.
 */
export async function removeNamespace(privileged: Privileged, netns: string): Promise<void> {
  if (!(await privileged.netnsList()).includes(netns)) return
  const devices = (await devicesIn(privileged, netns).catch(ofLost)).map(({ ifname }) => ifname).filter((name) => /^(ns|q[rg])-/.test(name))
  if (devices.length > 0) await privileged.ip(devices.map((name) => `link del ${name}`), { netns, tolerate: ['absent'] })
  await privileged.netnsDelete(netns)
}

/** What was unmounted, or cut off while it was made, cannot be entered, and has no devices that could be seen. */
function ofLost(error: unknown): DeviceAddresses[] {
  if (error instanceof CommandFailed && !error.timedOut) return []
  throw error
}
