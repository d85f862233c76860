// Which kernel modules the guest gets, in an order in which each finds what it needs.
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** To reach the root file system. */
export const initrdModules = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ata_piix']
/** For what else a guest meets. */
export const rootModules = [
  ...initrdModules, 'virtio_net', 'button', 'evdev', 'sr_mod', 'isofs', 'nls_cp437', 'nls_ascii', 'vfat', 'virtio-rng', 'virtio_balloon', 'loop',
]

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

/** modules.dep, which modprobe reads. */
export function dependencyFile(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]))
  return modules.map((module) => `${dependencyLine(module, byName)}\n`).join('')
}

/** modprobe loads what a line names from its end, so what is needed first comes last. */
function dependencyLine(module: KernelModule, all: ReadonlyMap<string, KernelModule>): string {
  const paths = new Set<string>()
  const visit = (name: string): void => {
    const found = all.get(name)
    if (found === undefined || paths.has(found.path)) return
    found.needs.forEach(visit)
    paths.add(found.path)
  }
  module.needs.forEach(visit)
  return `${module.path}: ${[...paths].reverse().join(' ')}`.trimEnd()
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
