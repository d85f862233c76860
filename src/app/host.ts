// Makes the machine ready for real engines: Debian packages, users, folders. Each part is skipped when it is there.
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ProcessRunner } from '#core/process'
import type { Layout } from './layout.ts'
import { refuseForeign } from './own-folder.ts'
import { type DebianPackage, debianPackages } from './packages.ts'
import { CommandError } from './terminal.ts'

export interface HostUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface HostUsers {
  /** The control plane. */
  readonly own: HostUser
  /** QEMU and its storage daemon. */
  readonly qemu: HostUser
}

type Progress = (message: string) => void

export async function installPackages(runner: ProcessRunner, progress: Progress, wanted = debianPackages): Promise<void> {
  const missing = await missingPackages(runner, wanted)
  if (missing.length === 0) return
  progress(`Installing ${missing.length} Debian packages and what they need: ${missing.join(', ')}`)
  const withdraw = keepDaemonsDown()
  try {
    const install = () => runner.run('/usr/bin/env', ['DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0', ...missing], { timeoutSeconds: 600 })
    try {
      await install()
    } catch {
      progress('Updating the package lists')
      await runner.run('/usr/bin/apt-get', ['update', '-q', '-o', 'DPkg::Lock::Timeout=120'], { timeoutSeconds: 300 })
      await install()
    }
  } finally {
    withdraw()
  }
}

/** While packages are installed nothing may start daemons of its own. */
function keepDaemonsDown(): () => void {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return () => {}
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => rmSync(policy, { force: true })
}

async function missingPackages(runner: ProcessRunner, wanted: readonly DebianPackage[]): Promise<string[]> {
  const names = wanted.map((each) => each.name)
  let installed = ''
  try {
    installed = (await runner.run('/usr/bin/dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], { timeoutSeconds: 30 })).stdout
  } catch (error) {
    // It ends with 1 when some are unknown, and still lists the others.
    installed = (error as { stdout?: string }).stdout ?? ''
    if (installed === '') {
      const status = readFileSync('/var/lib/dpkg/status', 'utf8')
      return names.filter((name) => !new RegExp(`^Package: ${name.replaceAll('+', '\\+')}\nStatus: install ok installed$`, 'm').test(status))
    }
  }
  const present = new Set(installed.split('\n').filter((line) => line.endsWith(' installed')).map((line) => line.split(' ')[0]))
  return names.filter((name) => !present.has(name))
}

export async function ensureUsers(runner: ProcessRunner, progress: Progress): Promise<HostUsers> {
  const user = async (name: string): Promise<HostUser> => {
    const known = findUser(name)
    if (known) return known
    progress(`Adding the system user ${name}`)
    await runner.run('/usr/sbin/useradd', ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', name], { timeoutSeconds: 30 })
    const made = findUser(name)
    if (!made) throw new Error(`The system user ${name} could not be added.`)
    return made
  }
  return { own: await user('nimbo'), qemu: await user('nimbo-qemu') }
}

export function findUser(name: string): HostUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((each) => each.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) }
}

/** The folders of a cloud, before anything else of it. @throws CommandError where they cannot be, or are not its own */
export function makeFolders(files: Layout): void {
  refuseForeign(files)
  // Whoever starts it may be strict with new files; other users of this cloud must see some of these.
  process.umask(0o022)
  try {
    mkdirSync(files.directory, { recursive: true, mode: 0o755 })
    mkdirSync(files.data, { recursive: true, mode: 0o711 })
    mkdirSync(`${files.data}/run`, { recursive: true, mode: 0o755 })
    mkdirSync(files.cache, { recursive: true, mode: 0o700 })
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    throw new CommandError(`The folder of the cloud cannot be made or written: ${path ?? files.directory} (${code ?? String(error)}). Choose another one with --data.`)
  }
}

/** `data` goes to the user that the cloud runs as; everything else stays with whoever starts it. */
export function giveFolders(files: Layout, users: HostUsers): void {
  chmodSync(files.directory, 0o755)
  chmodSync(files.data, 0o711)
  for (let above = dirname(files.directory); above !== dirname(above); above = dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0) throw new Error(`The users nimbo and nimbo-qemu cannot pass through ${above} to ${files.directory}. Choose another folder with --data, or let others pass: chmod o+x ${above}`)
  }
  for (const folder of [files.data, `${files.data}/run`]) chownSync(folder, users.own.uid, users.own.gid)
}

/** From here on this process is the control plane's own user and can never be root again. */
export function dropTo(user: HostUser, users: HostUsers): void {
  process.setgroups?.([users.qemu.gid])
  process.setgid?.(user.gid)
  process.setuid?.(user.uid)
}
