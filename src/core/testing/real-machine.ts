// For tests on the real engines: a data directory, the privileged helper, and this process as the cloud's own user, as
// in the real thing. Needs root.
import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock, type CallContext, type Clock } from '../context/index.ts'
import { silentLog } from '../observe/log.ts'
import { createProcessRunner, startHelper, type DaemonKind, type HelperOptions, type Privileged, type ProcessRunner } from '../process/index.ts'

export interface RealMachine {
  readonly directory: string
  readonly runner: ProcessRunner
  readonly privileged: Privileged
  readonly capabilities: { readonly clock: Clock }
  /** A call without end. */
  readonly call: CallContext
  readonly prefix: string
  /** A process stands still from now on, until it is killed. */
  stop(pid: number): void
}

/** Users that exist only as numbers: for the kernel that is enough. */
const ownId = 64_700
const qemuId = 64_701

export function canUseRealMachine(...programs: string[]): boolean {
  return process.getuid?.() === 0 && programs.every((program) => ['/usr/bin', '/usr/sbin'].some((directory) => existsSync(join(directory, program))))
}

/** Everything that was started or made is gone after the test. */
export async function useRealMachine(t: TestContext, prefix: string): Promise<RealMachine> {
  const directory = await mkdtemp(join(tmpdir(), `nimbo-${prefix}-`))
  await chown(directory, ownId, ownId)
  await chmod(directory, 0o711)
  const options: HelperOptions = {
    prefix, dataDirectory: directory, ownUser: { uid: ownId, gid: ownId, name: 'nobody' }, qemuUser: { uid: qemuId, gid: qemuId },
  }
  const helper = await startHelper(options)
  await helper.allowTaps(true)
  const groups = process.getgroups?.() ?? []
  process.setgroups?.([qemuId])
  process.setegid?.(ownId)
  process.seteuid?.(ownId)
  t.after(async () => {
    process.seteuid?.(0)
    process.setegid?.(0)
    process.setgroups?.(groups)
    await helper.close()
    // With the first helper gone, a driver that a failed test left open cannot start its daemons anew.
    const last = await startHelper(options)
    for (const kind of ['qemu', 'qemu-storage-daemon', 'dnsmasq'] satisfies DaemonKind[]) {
      for (const id of (await last.daemons(kind)).keys()) await last.signalDaemon(kind, id, 'SIGKILL')
    }
    for (const name of await last.netnsList()) await last.netnsDelete(name)
    await last.allowTaps(false)
    await last.close()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    directory, prefix, privileged: helper, runner: createProcessRunner(), capabilities: { clock: systemClock },
    call: { signal: new AbortController().signal, epoch: 1, log: silentLog },
    stop(pid) {
      process.seteuid?.(0)
      process.kill(pid, 'SIGSTOP')
      process.seteuid?.(ownId)
    },
  }
}

/** Wait until something holds; for engines, which say so in their own time. */
export async function eventually(what: string, holds: () => Promise<boolean> | boolean, withinSeconds = 60): Promise<void> {
  const end = performance.now() + withinSeconds * 1000
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`Within ${withinSeconds} s this did not come true: ${what}`)
    await systemClock.sleep(100)
  }
}
