// Devices that join a namespace of the cloud's to a segment, and the addresses on them.
import { CommandFailed, type Privileged } from '#core/process'
import { bridgeOf } from './names.ts'

/** A veth pair made in the fabric: one end on the bridge, the other inside the namespace. */
export function attachLines(pair: { tap: string; device: string; netns: string; mtu: number; networkId: string }): string[] {
  return [
    `link add ${pair.tap} type veth peer name ${pair.device} netns ${pair.netns}`,
    `link set ${pair.tap} mtu ${pair.mtu} master ${bridgeOf(pair.networkId)}`,
    `link set ${pair.tap} up`,
  ]
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
export async function prunedAddressLines(privileged: Privileged, netns: string, wanted: Readonly<Record<string, readonly string[]>>): Promise<string[]> {
  const devices = await devicesIn(privileged, netns)
  return devices.flatMap((device) => {
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
