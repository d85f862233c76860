// Whether guests can run on KVM here: found out by a guest that does what a kernel does, since an openable /dev/kvm proves nothing, nor does a guest
// that only says a word: some hosts inside other machines play a guest's kernel instruction by instruction, and never come to the end of a boot.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { CallContext, Clock } from '#core/context'
import type { Privileged } from '#core/process'
import { accelerate, type Accelerator } from './command-line.ts'
import { untilGone } from './guest-monitor.ts'
import { passableDirectory } from './images.ts'
import { probeDisk, probeDone } from './probe-guest.ts'
import { writeDurably } from './records.ts'

/** On real KVM it takes a fraction of a second. */
const probeSeconds = 5
const secondsToEnd = 5

export interface ProbeOptions {
  readonly directory: string
  readonly privileged: Privileged
  readonly clock: Clock
}

interface Remembered {
  readonly bootId: string
  readonly qemuVersion: number
  readonly kind: Accelerator['kind']
  /** How far the probe guest came: who changes the probe makes the answer of an older one void. */
  readonly said: string
}

/** The answer is kept until the host boots again or QEMU is another one. */
export async function findAccelerator(call: CallContext, options: ProbeOptions & { readonly qemuVersion: number }): Promise<Accelerator> {
  if (!existsSync('/dev/kvm')) return { kind: 'tcg' }
  const { qemuVersion } = options
  const bootId = await thisBoot()
  const memory = join(options.directory, 'accelerator.json')
  const known = await readFile(memory, 'utf8').then((text) => JSON.parse(text) as Partial<Remembered>).catch(() => undefined)
  if (known?.bootId === bootId && known.qemuVersion === qemuVersion && known.said !== undefined && known.kind) return { kind: known.kind }
  const said = await probe(call, options, 'kvm', probeSeconds)
  const kind = said.endsWith(probeDone) ? 'kvm' : 'tcg'
  call.log.info({ accelerator: kind, said }, 'a probe guest was started on KVM')
  await writeDurably(memory, JSON.stringify({ bootId, qemuVersion, kind, said } satisfies Remembered))
  return { kind }
}

async function thisBoot(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}

/** @returns what the probe guest said until it was done, ended or took too long */
export async function probe(call: CallContext, { directory, privileged, clock }: ProbeOptions, kind: Accelerator['kind'], seconds: number): Promise<string> {
  const work = join(directory, 'probe')
  const id = `probe-${await thisBoot()}`
  const [disk, said] = [join(work, 'sector'), join(work, 'said')]
  await passableDirectory(work)
  try {
    await writeFile(disk, probeDisk(), { mode: 0o640 })
    await writeFile(said, '', { mode: 0o660 })
    for (const path of [disk, said]) await privileged.giveToQemu(path)
    await privileged.startDaemon({
      kind: 'qemu', id, outputFile: join(work, 'output'),
      args: [
        '-nodefaults', '-no-user-config', '-no-reboot', '-machine', 'pc', ...accelerate({ kind }), '-cpu', 'max', '-m', '32', '-display', 'none',
        '-chardev', `file,id=said,path=${said.replaceAll(',', ',,')},append=on`, '-device', 'isa-serial,chardev=said',
        '-blockdev', JSON.stringify({ driver: 'raw', 'node-name': 'disk', 'read-only': true, file: { driver: 'file', filename: disk } }),
        '-device', 'virtio-blk-pci,drive=disk,bootindex=0',
      ],
    })
    const end = clock.monotonic() + seconds * 1000
    for (;;) {
      const lives = (await privileged.daemons('qemu')).has(id)
      const text = await readFile(said, 'latin1')
      if (!lives || text.endsWith(probeDone) || clock.monotonic() >= end) return text
      await clock.sleep(50, call.signal)
    }
  } catch (error) {
    call.log.info({ reason: error instanceof Error ? error.message : String(error) }, 'no guest could be started on KVM')
    return ''
  } finally {
    const left = (await privileged.daemons('qemu').catch(() => undefined))?.get(id)
    await privileged.signalDaemon('qemu', id, 'SIGKILL').catch(() => false)
    if (left) await untilGone(left, clock, secondsToEnd)
    await rm(work, { recursive: true, force: true })
  }
}
