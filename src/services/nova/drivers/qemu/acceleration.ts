// Whether guests can run on KVM here: found out by booting one, since an openable /dev/kvm proves nothing.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { CallContext, Clock } from '#core/context'
import type { Privileged } from '#core/process'
import type { Accelerator } from './command-line.ts'
import { passableDirectory } from './images.ts'
import { writeDurably } from './records.ts'

const probeSeconds = 5

/**
 * A boot sector that says "K" on the serial line and halts:
 * mov dx,0x3f8; mov al,'K'; out dx,al; cli; hlt; jmp to the halt.
 */
function probeSector(): Buffer {
  const sector = Buffer.alloc(512)
  sector.set([0xba, 0xf8, 0x03, 0xb0, 0x4b, 0xee, 0xfa, 0xf4, 0xeb, 0xfd])
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

/** The answer is kept until the host boots again. */
export async function findAccelerator(call: CallContext, options: { directory: string; privileged: Privileged; clock: Clock }): Promise<Accelerator> {
  if (!existsSync('/dev/kvm')) return { kind: 'tcg' }
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  const memory = join(options.directory, 'accelerator.json')
  const known = await readFile(memory, 'utf8').then((text) => JSON.parse(text) as { bootId: string; kind: Accelerator['kind'] }, () => undefined)
  if (known?.bootId === bootId) return { kind: known.kind }
  const kind = await bootsOnKvm(call, options, bootId) ? 'kvm' : 'tcg'
  call.log.info({ accelerator: kind }, 'a probe guest was started')
  await writeDurably(memory, JSON.stringify({ bootId, kind }))
  return { kind }
}

async function bootsOnKvm(call: CallContext, { directory, privileged, clock }: { directory: string; privileged: Privileged; clock: Clock }, bootId: string): Promise<boolean> {
  const work = join(directory, 'probe')
  const id = `probe-${bootId}`
  const [disk, said] = [join(work, 'sector'), join(work, 'said')]
  await passableDirectory(work)
  try {
    // Longer than one sector: the BIOS refuses a disk that has no room for a cylinder.
    await writeFile(disk, Buffer.concat([probeSector(), Buffer.alloc(1024 * 1024 - 512)]), { mode: 0o640 })
    await writeFile(said, '', { mode: 0o660 })
    for (const path of [disk, said]) await privileged.giveToQemu(path)
    await privileged.startDaemon({
      kind: 'qemu', id, outputFile: join(work, 'output'),
      args: [
        '-nodefaults', '-no-user-config', '-machine', 'pc', '-accel', 'kvm', '-cpu', 'max', '-m', '32', '-display', 'none',
        '-chardev', `file,id=said,path=${said.replaceAll(',', ',,')},append=on`, '-device', 'isa-serial,chardev=said',
        '-blockdev', JSON.stringify({ driver: 'raw', 'node-name': 'disk', 'read-only': true, file: { driver: 'file', filename: disk } }),
        '-device', 'virtio-blk-pci,drive=disk,bootindex=0',
      ],
    })
    const end = clock.monotonic() + probeSeconds * 1000
    while (clock.monotonic() < end) {
      if ((await readFile(said, 'latin1')).includes('K')) return true
      if (!(await privileged.daemons('qemu')).has(id)) return false
      await clock.sleep(50, call.signal)
    }
    return false
  } catch (error) {
    call.log.info({ reason: error instanceof Error ? error.message : String(error) }, 'no guest could be started on KVM')
    return false
  } finally {
    await privileged.signalDaemon('qemu', id, 'SIGKILL').catch(() => false)
    await rm(work, { recursive: true, force: true })
  }
}
