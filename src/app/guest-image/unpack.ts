// Download the packages and unpack them into a work directory, where an earlier run's downloads are used again.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessRunner } from '../../core/process/interface.ts'
import { guestImagePackages } from './packages.ts'

export interface Unpacked {
  /** Where kernel, guest packages and tools lie together, as in a root directory. */
  readonly tree: string
  readonly kernelVersion: string
}

/** Fetch what is not there yet. Needs no root, but reaches the package archive as apt is set up. */
export async function downloadPackages(runner: ProcessRunner, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const { guest, tools } = guestImagePackages
  await download(runner, directory, [await kernelPackage(runner), ...guest, ...tools])
}

export async function unpackPackages(runner: ProcessRunner, workDirectory: string, downloads: string): Promise<Unpacked> {
  const tree = join(workDirectory, 'tree')
  await mkdir(downloads, { recursive: true })
  await rm(tree, { recursive: true, force: true })
  await mkdir(tree, { recursive: true })
  const kernel = await kernelPackage(runner)
  const { guest, tools } = guestImagePackages
  const names = [kernel, ...guest, ...tools]
  const files = await download(runner, downloads, names)
  for (const file of files.values()) {
    await runner.run('dpkg-deb', ['-x', join(downloads, file), tree], { timeoutSeconds: 60 })
  }
  return { tree, kernelVersion: kernel.replace('linux-image-', '') }
}

/** The package that the kernel's meta package stands for now. */
async function kernelPackage(runner: ProcessRunner): Promise<string> {
  const { stdout } = await runner.run('apt-cache', ['show', '--no-all-versions', guestImagePackages.kernel], { timeoutSeconds: 60 })
  const name = /^Depends:.*\b(linux-image-[0-9][^ ,]*-cloud-amd64)\b/m.exec(stdout)?.[1]
  if (name === undefined) throw new Error(`${guestImagePackages.kernel} is not in the package lists: run apt-get update.`)
  return name
}

async function download(runner: ProcessRunner, directory: string, names: readonly string[]): Promise<Map<string, string>> {
  const missing = await filesOf(directory, names)
  const wanted = names.filter((name) => !missing.has(name))
  if (wanted.length > 0) await runner.run('apt-get', ['download', ...wanted], { timeoutSeconds: 300, cwd: directory })
  const files = await filesOf(directory, names)
  const still = names.filter((name) => !files.has(name))
  if (still.length > 0) throw new Error(`These packages could not be downloaded: ${still.join(', ')}.`)
  return files
}

async function filesOf(directory: string, names: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const file of (await readdir(directory)).sort()) {
    const name = file.split('_')[0] ?? ''
    if (file.endsWith('.deb') && names.includes(name)) found.set(name, file)
  }
  return found
}
