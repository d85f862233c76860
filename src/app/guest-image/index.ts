// The bootable test image of the cloud: built in seconds from Debian packages, without mounts and without root.
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../../core/observe/log.ts'
import type { ProcessRunner } from '../../core/process/interface.ts'
import { writeDisk } from './disk.ts'
import { directoryMode, fileMode, packInitrd, programMode, type ArchiveEntry } from './initrd.ts'
import { dependencyFile, findModules, initrdModules, inLoadOrder, rootModules, type KernelModule } from './kernel-modules.ts'
import { guestUser, makeRootTree } from './root-tree.ts'
import { downloadPackages, unpackPackages, type Unpacked } from './unpack.ts'

export interface GuestImageOptions {
  /** Scratch space. */
  readonly workDirectory: string
  /** Where packages lie that were downloaded before; in the scratch space when absent. Missing ones are added. */
  readonly downloads?: string
  /** The qcow2 file to write. */
  readonly output: string
  readonly runner: ProcessRunner
  readonly log: Logger
  /** Told in words what is going on. */
  readonly progress?: (step: string) => void
}

/** What glance should know of the image. */
export const guestImageProperties = {
  disk_format: 'qcow2', container_format: 'bare', min_disk: 1, min_ram: 96,
  properties: { os_admin_user: guestUser, os_distro: 'debian', os_type: 'linux', hw_disk_bus: 'virtio', hw_vif_model: 'virtio', architecture: 'x86_64' },
} as const

const ownFiles = join(dirname(fileURLToPath(import.meta.url)), 'files')

/** Fetch all that the image is made from into a folder, for a builder that reaches neither the archive nor this program's folder. */
export async function gatherGuestParts(runner: ProcessRunner, directory: string): Promise<void> {
  await downloadPackages(runner, directory)
  await cp(ownFiles, join(directory, 'files'), { recursive: true })
}

export async function buildGuestImage(options: GuestImageOptions): Promise<void> {
  const { workDirectory, runner, log } = options
  const progress = (step: string): void => {
    log.info({ step }, 'building the test image')
    options.progress?.(step)
  }
  const gathered = join(options.downloads ?? workDirectory, 'files')
  const files = existsSync(gathered) ? gathered : ownFiles
  await mkdir(workDirectory, { recursive: true })

  progress('downloading packages')
  const unpacked = await unpackPackages(runner, workDirectory, options.downloads ?? join(workDirectory, 'packages'))

  progress('making the file system')
  const moduleDirectory = join(unpacked.tree, 'lib/modules', unpacked.kernelVersion)
  const known = await findModules(moduleDirectory)
  const early = await inLoadOrder(moduleDirectory, known, initrdModules)
  const modules = await inLoadOrder(moduleDirectory, known, rootModules)

  const initrd = join(workDirectory, 'initrd.gz')
  await writeFile(initrd, packInitrd(await initrdEntries(unpacked, early, files)))
  const rootTree = join(workDirectory, 'root')
  await rm(rootTree, { recursive: true, force: true })
  await makeRootTree({ runner, unpacked, target: rootTree, files, modules })

  progress('writing the disk')
  const raw = join(workDirectory, 'disk.raw')
  await writeDisk(runner, unpacked.tree, {
    kernel: join(unpacked.tree, `boot/vmlinuz-${unpacked.kernelVersion}`), initrd,
    syslinuxConfig: join(files, 'syslinux.cfg'), rootTree,
  }, raw)

  progress('compressing it')
  const partial = `${options.output}.part`
  await runner.run('qemu-img', ['convert', '-q', '-c', '-f', 'raw', '-O', 'qcow2', raw, partial], { timeoutSeconds: 120 })
  await rename(partial, options.output)
  for (const scratch of ['tree', 'root', 'disk.raw', 'initrd.gz']) {
    await rm(join(workDirectory, scratch), { recursive: true, force: true })
  }
}

async function initrdEntries(unpacked: Unpacked, modules: readonly KernelModule[], files: string): Promise<ArchiveEntry[]> {
  const target = `lib/modules/${unpacked.kernelVersion}`
  const directories = new Set(['bin', 'dev', 'proc', 'root', 'sys'])
  for (const path of [target, ...modules.map((module) => dirname(join(target, module.path)))]) {
    path.split('/').forEach((_, index, parts) => directories.add(parts.slice(0, index + 1).join('/')))
  }
  const entries: ArchiveEntry[] = [...directories].map((path) => ({ path, mode: directoryMode }))
  entries.push({ path: 'bin/busybox', mode: programMode, content: await readFile(join(unpacked.tree, 'bin/busybox')) })
  entries.push({ path: 'init', mode: programMode, content: await readFile(join(files, 'initrd-init')) })
  for (const { path } of modules) {
    entries.push({ path: join(target, path), mode: fileMode, content: await readFile(join(unpacked.tree, target, path)) })
  }
  entries.push({ path: `${target}/modules.dep`, mode: fileMode, content: Buffer.from(dependencyFile(modules)) })
  return entries
}
