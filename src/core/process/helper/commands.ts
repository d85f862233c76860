// What the helper can do: one function for each command of `Privileged`, after its arguments passed the allow-list.
import { accessSync, closeSync, constants, existsSync, fchownSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import { CommandFailed } from '../errors.ts'
import { checkOptions, namespaceName, openInside, optionalNamespace, refuse, texts } from './allow.ts'
import { bridgeLines, ipLines, listedWords, settingPath, settingValue, shownWords } from './allow-ip.ts'
import { ruleset } from './allow-nft.ts'
import { readRules, readValues } from './nft-text.ts'
import { refusalsIn } from './batch.ts'
import { type DaemonKeeper, daemonKeeper } from './daemons.ts'
import { listenInside, type NativeHandle } from './listen.ts'
import type { HelperOptions, Method } from './protocol.ts'
import { type Program, programs, runProgram } from './spawn.ts'
import { allowTaps, tapAccess } from './tap-access.ts'
import { turns } from '../turns.ts'

/** A result, or a listening socket to pass on beside it. */
export type Outcome = { readonly result: unknown; readonly handle?: NativeHandle }
type Command = (...args: readonly unknown[]) => Promise<Outcome>

export interface Helper {
  readonly commands: Readonly<Record<Method, Command>>
}

const nothing: Outcome = { result: undefined }
const absent = /does not exist|Cannot find device|No such (file|device|process)|Cannot find/i

export function createHelper(options: HelperOptions): Helper {
  checkOptions(options)
  const records = join(options.dataDirectory, 'privileged')
  const daemons: DaemonKeeper = daemonKeeper(options, records, findProgram)
  const inTurn = turns()
  const run = (program: Program, args: readonly string[], where: { netns?: string | undefined; input?: string }) =>
    runProgram(findProgram, program, args, where)

  /** A batch of ip or bridge; refusals that are tolerated do not fail it. */
  async function batch(program: 'ip' | 'bridge', lines: string, where: unknown): Promise<Outcome> {
    const netns = optionalNamespace(options, where)
    const tolerate = texts((where as { tolerate?: unknown })?.tolerate ?? [], 'A refusal')
    const force = tolerate.length > 0 ? ['-force'] : []
    try {
      // As `ip -n`, which enters the namespace itself: one process, not two.
      await run(program, [...(netns ? ['-n', netns] : []), ...force, '-batch', '-'], { input: lines })
    } catch (error) {
      if (!(error instanceof CommandFailed) || error.timedOut) throw error
      const refusals = refusalsIn(error.stderr, lines)
      const real = refusals.filter((refusal) => !tolerate.some((kind) => refusal.kind === kind))
      if (refusals.length > 0 && real.length === 0 && force.length > 0) return nothing
      const told = real.map((refusal) => `${refusal.message} (${refusal.line})`).join('; ')
      throw new CommandFailed({ program, exitCode: error.exitCode, stderr: told || error.stderr })
    }
    return nothing
  }

  async function query(program: 'ip' | 'bridge', objects: readonly string[], args: unknown, where: unknown) {
    const netns = optionalNamespace(options, where)
    const asked = shownWords(args, objects)
    try {
      const { stdout } = await run(program, [...(netns ? ['-n', netns] : []), '-j', ...asked], {})
      return { result: stdout.trim() === '' ? [] : JSON.parse(stdout) }
    } catch (error) {
      if (error instanceof CommandFailed && !error.timedOut && absent.test(error.stderr)) return { result: [] }
      throw error
    }
  }

  const commands: Record<Method, Command> = {
    ip: async (lines, where) => batch('ip', ipLines(options, lines, optionalNamespace(options, where)), where),
    ipQuery: (args, where) => query('ip', ['link', 'addr', 'route', 'neigh', 'netconf'], args, where),
    bridge: async (lines, where) => batch('bridge', bridgeLines(options, lines, optionalNamespace(options, where)), where),
    bridgeQuery: (args, where) => query('bridge', ['fdb', 'link'], args, where),

    async nft(rules, where) {
      const netns = optionalNamespace(options, where)
      const input = ruleset(options, rules, netns)
      await inTurn(`nft ${netns ?? ''}`, () => run('nft', ['-f', '-'], { netns, input }))
      return nothing
    },
    async nftQuery(args, where) {
      const netns = optionalNamespace(options, where)
      const asked = listedWords(args, ['table', 'tables', 'chain', 'chains', 'map', 'maps', 'set', 'sets', 'ruleset'])
      try {
        const { stdout } = await run('nft', ['-j', 'list', ...asked], { netns })
        return { result: (JSON.parse(stdout) as { nftables: unknown[] }).nftables }
      } catch (error) {
        if (error instanceof CommandFailed && !error.timedOut && absent.test(error.stderr)) return { result: [] }
        throw error
      }
    },

    async nftRules(where) {
      const { stdout } = await run('nft', ['-s', 'list', 'ruleset'], { netns: optionalNamespace(options, where) })
      return { result: readRules(stdout) }
    },
    async nftTable(family, table, where) {
      const asked = listedWords(['table', family, table], ['table'])
      try {
        const { stdout } = await run('nft', ['-s', 'list', ...asked], { netns: optionalNamespace(options, where) })
        return { result: readValues(stdout) }
      } catch (error) {
        if (error instanceof CommandFailed && !error.timedOut && absent.test(error.stderr)) return { result: readValues('') }
        throw error
      }
    },

    async sysctl(values, where) {
      const netns = optionalNamespace(options, where)
      const settings = Object.entries(values as Record<string, unknown>)
        .map(([name, value]) => [settingPath(name, netns, true), settingValue(value)] as const)
      if (settings.length === 0) return nothing
      if (netns === undefined) for (const [path, value] of settings) writeFileSync(`/proc/sys/${path}`, value)
      // What lies below /proc/sys/net depends on who looks: a program inside writes, once for each value.
      else for (const [value, same] of Map.groupBy(settings, ([, each]) => each)) await run('tee', same.map(([path]) => `/proc/sys/${path}`), { netns, input: value })
      return nothing
    },
    async sysctlQuery(names) {
      const paths = texts(names, 'A setting').map((name) => settingPath(name, undefined, false)).filter((path) => existsSync(`/proc/sys/${path}`))
      return { result: Object.fromEntries(paths.map((path) => [path, readFileSync(`/proc/sys/${path}`, 'utf8').trim()])) }
    },

    async netnsAdd(value) {
      const name = namespaceName(options, value)
      // `ip netns add` mounts; two at once have been seen to disturb each other.
      await inTurn('netns', async () => {
        if (!existsSync(`/run/netns/${name}`)) await run('ip', ['netns', 'add', name], {})
      })
      return nothing
    },
    async netnsDelete(value) {
      const name = namespaceName(options, value)
      await inTurn('netns', async () => {
        if (existsSync(`/run/netns/${name}`)) await run('ip', ['netns', 'del', name], {})
      })
      return nothing
    },
    async netnsList() {
      if (!existsSync('/run/netns')) return { result: [] }
      return { result: readdirSync('/run/netns').filter((name) => name.startsWith(`${options.prefix}-`)).sort() }
    },

    startDaemon: async (spec) => ({ result: await daemons.start(spec) }),
    daemons: async (kind) => ({ result: daemons.living(kind) }),
    signalDaemon: async (kind, id, signal) => ({ result: daemons.signal(kind, id, signal) }),

    strayPrograms: async (kind) => ({ result: daemons.strays(kind) }),
    signalStray: async (kind, stray, signal) => ({ result: daemons.signalStray(kind, stray, signal) }),

    async listen(where) {
      const { address, port } = (where ?? {}) as { address?: unknown; port?: unknown }
      const netns = optionalNamespace(options, where) ?? refuse('Listening on the host', where)
      if (typeof address !== 'string' || !isIPv4(address)) refuse('An address', address)
      if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65535) refuse('A port', port)
      return { result: undefined, handle: await listenInside(netns, address, port as number) }
    },

    async giveToQemu(path) {
      const file = openInside(options, path, constants.O_RDONLY)
      try {
        fchownSync(file, options.qemuUser.uid, options.qemuUser.gid)
      } finally {
        closeSync(file)
      }
      return nothing
    },

    async allowTaps(allowed) {
      await allowTaps(tapAccess, options, allowed === true)
      return nothing
    },
  }
  return { commands }
}

function findProgram(program: Program): string {
  const found = programs[program].find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  if (!found) throw new CommandFailed({ program, stderr: `not installed (looked for ${programs[program].join(', ')})` })
  return found
}
