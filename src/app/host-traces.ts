// What a cloud leaves on its machine when its control plane has stopped, and how it is taken away.
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallContext, systemClock } from '#core/context'
import { type DaemonKind, type Privileged, startHelper } from '#core/process'
import { silentLog } from '#core/observe'
import { create as createNetworkDriver, type LinuxBridgeDriver } from '../services/neutron/drivers/linuxbridge/index.ts'
import { findUser } from './host.ts'
import type { Layout } from './layout.ts'
import { layout } from './layout.ts'
import { isRoot, type Settings } from './settings.ts'
import { CommandError } from './terminal.ts'

interface Place {
  readonly privileged: Privileged
  readonly settings: Settings
  readonly files: Layout
  readonly qemuUid: number
}

/**
 * After `down`: living guests keep what they need. Where none lives, the host becomes what it was before `up`.
 *
 * @returns the number of living guests
 */
export async function leaveHost(place: Place): Promise<number> {
  const guests = (await place.privileged.daemons('qemu')).size
  if (guests === 0) await removeTraces(place)
  else await withNetworks(place, (driver, call) => driver.removeIdle(call))
  return guests
}

/** Everything goes: guests, storage daemon, DHCP servers, namespaces, bridges, rules, routes. */
export async function removeTraces(place: Place): Promise<void> {
  const { privileged } = place
  await endDaemons(privileged, 'qemu', 'SIGKILL')
  await endDaemons(privileged, 'qemu-storage-daemon', 'SIGTERM')
  await endDaemons(privileged, 'dnsmasq', 'SIGTERM')
  await withNetworks(place, (driver, call) => driver.removeFabric(call))
}

async function withNetworks({ privileged, settings, files, qemuUid }: Place, work: (driver: LinuxBridgeDriver, call: CallContext) => Promise<void>): Promise<void> {
  const driver = createNetworkDriver({
    privileged, clock: systemClock, prefix: settings.prefix, dataDirectory: `${files.data}/neutron`, qemuUid, linkAddresses: settings.link,
  })
  await work(driver, { signal: new AbortController().signal, epoch: 0, log: silentLog })
  await driver.close()
}

const patienceSeconds = 10

async function endDaemons(privileged: Privileged, kind: DaemonKind, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  for (const id of (await privileged.daemons(kind)).keys()) await privileged.signalDaemon(kind, id, signal)
  for (let tenths = 0; tenths < patienceSeconds * 10; tenths++) {
    const living = await privileged.daemons(kind)
    if (living.size === 0) return
    if (tenths === patienceSeconds * 5) for (const id of living.keys()) await privileged.signalDaemon(kind, id, 'SIGKILL')
    await sleep(100)
  }
}

/** The same for a cloud whose control plane is gone, with a helper of its own. */
export async function clearHost(directory: string, settings: Settings): Promise<void> {
  if (settings.driver !== 'real') return
  if (!isRoot()) throw new CommandError('Guests and networks of this cloud belong to root: do this as root.')
  const [own, qemu] = [findUser('nimbo'), findUser('nimbo-qemu')]
  if (!own || !qemu) return
  const files = layout(directory)
  const privileged = await startHelper({ prefix: settings.prefix, dataDirectory: files.data, ownUser: own, qemuUser: qemu }, files.cache)
  try {
    await removeTraces({ privileged, settings, files, qemuUid: qemu.uid })
  } finally {
    await privileged.close()
  }
}
