// A cloud for one test, on the real engines, beside any other: its own folder, ports and public range; and Debian's client for it.
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'
import { watchFiles } from './stray-files.ts'

const execute = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

export const canRunReal = process.geteuid?.() === 0

/** Runs of the acceptance beside each other on one machine take slots of their own: REAL_CLOUD_SLOTS=20 counts from the 20th. */
const firstSlot = Number(process.env['REAL_CLOUD_SLOTS'] ?? 0)

export interface RealCloud {
  readonly directory: string
  /** Where it was asked for. */
  readonly disk: SmallDisk | undefined
  readonly publicPrefix: string
  nimbo(...args: string[]): Promise<string>
  /** What `status` says of it, whether it is up or not. */
  status(): Promise<{ readonly phase: string; readonly message?: string }>
  /** Debian's openstack client, unmodified. With a format it answers parsed JSON. */
  openstack(...args: string[]): Promise<any>
  /** The same as admin. */
  asAdmin(...args: string[]): Promise<any>
  ssh(keyFile: string, address: string, command: string): Promise<string>
  /** What has come to the machine outside its folder since it was prepared, and may be its own. */
  strayFiles(): Promise<string[]>
  /** Stop it, with all that it has. */
  remove(): Promise<void>
}

export interface RealCloudOptions {
  /** Where the program lies; the folder of this test by default. */
  readonly checkout?: string
  /** The cloud's folder is a file system of its own, of so many GiB. */
  readonly diskGiB?: number
  /** With `fake` it has none of the engines: for what its users read of it. */
  readonly driver?: 'real' | 'fake'
}

/** @param number tells clouds of tests that run at the same time apart */
export async function prepareRealCloud(number: number, { checkout = root, diskGiB, driver = 'real' }: RealCloudOptions = {}): Promise<RealCloud> {
  const slot = firstSlot + number
  const directory = mkdtempSync(join(tmpdir(), `nimbo-real-${slot}-`))
  const disk = diskGiB === undefined ? undefined : mountSmallDisk(directory, diskGiB)
  // Whatever it writes to the home of its user, or to the folder of temporary files, is its own.
  const home = mkdtempSync(join(tmpdir(), `nimbo-home-${slot}-`))
  chmodSync(home, 0o1777)
  const offset = 12_000 + slot * 100
  const publicPrefix = await freePrefix(slot)
  const nimbo = async (...args: string[]): Promise<string> => {
    const starting = args[0] === 'up' || args[0] === 'demo' ? ['--driver', driver, '--port-offset', String(offset), '--public-cidr', `${publicPrefix}.0/24`] : []
    const { stdout } = await run(join(checkout, 'nimbo'), ['--data', directory, ...args, ...starting], 600, { ...process.env, HOME: home, TMPDIR: home })
    return stdout
  }
  const status: RealCloud['status'] = async () => {
    const said = await nimbo('status', '--json').catch((error: Error) => {
      const { stdout, code } = error.cause as { stdout?: string; code?: unknown }
      if (code !== 3 || stdout === undefined) throw error
      return stdout
    })
    return JSON.parse(said) as { phase: string; message?: string }
  }
  const client = (cloud: string) => async (...args: string[]): Promise<any> => {
    const json = args.some((arg) => arg === 'create' || arg === 'show' || arg === 'list' || arg === 'set-up') && !args.includes('-f') && !noOutput(args)
    const { stdout } = await run('/usr/bin/openstack', [...args, ...(json ? ['-f', 'json'] : [])], 300, {
      ...process.env, OS_CLIENT_CONFIG_FILE: join(directory, 'clouds.yaml'), OS_CLOUD: cloud,
    })
    return json ? (JSON.parse(stdout) as unknown) : stdout
  }
  return {
    directory, disk, publicPrefix, nimbo, status, openstack: client('nimbo'), asAdmin: client('nimbo-admin'),
    async ssh(keyFile, address, command) {
      const { stdout } = await run('/usr/bin/ssh', [
        '-i', keyFile, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=5', '-o', 'BatchMode=yes',
        `nimbo@${address}`, command,
      ], 60)
      return stdout
    },
    strayFiles: watchFiles({ directory, home }),
    async remove() {
      disk?.empty()
      if (existsSync(join(directory, 'cloud.json'))) await nimbo('reset', '--yes')
      await disk?.unmount()
      for (const folder of [directory, home]) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** So many clouds at most are told apart. */
const slots = 16

/** A range that this host has no route to: a run of these tests that was killed leaves its cloud's route behind. */
async function freePrefix(slot: number): Promise<string> {
  const { stdout } = await run('ip', ['-j', '-4', 'route'], 10)
  const routes = new Set((JSON.parse(stdout) as { dst: string }[]).map(({ dst }) => dst))
  const prefixes: string[] = []
  for (let number = 100 + slot; number < 256; number += slots) prefixes.push(`198.51.${number}`)
  const free = prefixes.find((prefix) => !routes.has(`${prefix}.0/24`))
  if (free === undefined) throw new Error(`This host has routes to all of ${prefixes.map((prefix) => `${prefix}.0/24`).join(', ')}: clouds of killed tests are left over. Remove them, or start the machine anew.`)
  return free
}

function noOutput(args: readonly string[]): boolean {
  return args.includes('console') || (args[0] === 'keypair' && args[1] === 'create' && !args.includes('--public-key'))
}

async function run(file: string, args: readonly string[], timeoutSeconds: number, env: NodeJS.ProcessEnv = process.env): Promise<{ stdout: string; stderr: string }> {
  try {
    return await execute(file, args, { timeout: timeoutSeconds * 1000, maxBuffer: 64 * 1024 * 1024, env, cwd: root })
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout?: string; stderr?: string; code?: unknown }
    throw new Error(`${file} ${args.join(' ')} ended with ${String(code)}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  }
}

/** Ask until it is so. @throws with what was asked when it does not come true in time */
export async function eventually<T>(what: string, seconds: number, ask: () => Promise<T | undefined | false>): Promise<T> {
  let last: unknown
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      last = error
    }
    await sleep(300)
  }
  throw new Error(`${what}: not so after ${seconds} s`, { cause: last })
}
