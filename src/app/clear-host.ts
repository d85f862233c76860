// Removes from the machine what a stopped cloud left running on purpose: guests, storage, networks.
import { type DaemonKind, startHelper } from '#core/process'
import { setTimeout as sleep } from 'node:timers/promises'
import { findUser } from './host.ts'
import { layout } from './layout.ts'
import { isRoot, type Settings } from './settings.ts'
import { CommandError } from './terminal.ts'

const kinds: readonly DaemonKind[] = ['qemu', 'qemu-storage-daemon', 'dnsmasq']

export async function clearHost(directory: string, settings: Settings): Promise<void> {
  if (settings.driver !== 'real') return
  if (!isRoot()) throw new CommandError('Guests and networks of this cloud belong to root: run reset as root.')
  const [own, qemu] = [findUser('nimbo'), findUser('nimbo-qemu')]
  if (!own || !qemu) return
  const files = layout(directory)
  const helper = await startHelper({ prefix: settings.prefix, dataDirectory: files.data, ownUser: own, qemuUser: qemu })
  try {
    for (const kind of kinds) {
      for (const id of (await helper.daemons(kind)).keys()) await helper.signalDaemon(kind, id, 'SIGKILL')
      for (let tries = 0; tries < 50 && (await helper.daemons(kind)).size > 0; tries++) await sleep(100)
    }
  } finally {
    await helper.close()
  }
}
