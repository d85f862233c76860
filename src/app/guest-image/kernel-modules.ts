// Which kernel modules the guest gets, in an order in which each finds what it needs.
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** Needed to reach the root file system, and a NIC early. */
export const initrdModules = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ata_piix', 'virtio_net']
/** Loaded when the root file system is there. */
export const startModules = ['button', 'evdev', 'sr_mod', 'isofs', 'nls_cp437', 'nls_ascii', 'vfat', 'virtio-rng', 'virtio_balloon']
/** There for modprobe. */
export const extraModules = ['loop']

export interface KernelModule {
  readonly name: string
  /** Path below the kernel's module directory. */
  readonly path: string
  readonly needs: readonly string[]
}

/** All modules of a kernel by name, with `_` for `-` as the kernel has it. */
export async function findModules(directory: string): Promise<Map<string, string>> {
  const paths = await readdir(join(directory, 'kernel'), { recursive: true })
  return new Map(paths.filter((path) => path.endsWith('.ko')).map((path) => [kernelName(basename(path, '.ko')), join('kernel', path)]))
}

/** The modules and all that they need, what is needed first. A name that is built into the kernel is left out. */
export async function inLoadOrder(directory: string, known: Map<string, string>, names: readonly string[]): Promise<KernelModule[]> {
  const order = new Map<string, KernelModule>()
  const visit = async (name: string): Promise<void> => {
    const path = known.get(name)
    if (path === undefined || order.has(name)) return
    const needs = neededBy(await readFile(join(directory, path)))
    for (const need of needs) await visit(need)
    order.set(name, { name, path, needs })
  }
  for (const name of names) await visit(kernelName(name))
  return [...order.values()]
}

/** The line of modules.dep that modprobe reads. */
export function dependencyLine(module: KernelModule, all: ReadonlyMap<string, KernelModule>): string {
  const paths: string[] = []
  const visit = (name: string): void => {
    const found = all.get(name)
    if (found === undefined) return
    if (!paths.includes(found.path)) paths.push(found.path)
    found.needs.forEach(visit)
  }
  module.needs.forEach(visit)
  return `${module.path}: ${paths.join(' ')}`.trimEnd()
}

function neededBy(content: Buffer): string[] {
  const mark = Buffer.from('\0depends=')
  const at = content.indexOf(mark)
  if (at < 0) return []
  const start = at + mark.length
  return content.toString('latin1', start, content.indexOf(0, start)).split(',').filter((name) => name !== '').map(kernelName)
}

function kernelName(name: string): string {
  return name.replaceAll('-', '_')
}
