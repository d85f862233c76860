// What the parts of the engine share: the helper, names, who takes turns, and which numbers are taken.
import type { Clock } from '#core/context'
import type { Privileged } from '#core/process'
import { turns } from '#core/process'
import type { Names } from './names.ts'
import { type Chains, knownChains } from './chains.ts'
import { namesFor, table } from './names.ts'

export interface LinuxBridgeOptions {
  readonly privileged: Privileged
  readonly clock: Clock
  /** As the helper's. */
  readonly prefix: string
  /** A directory of the engine's own; hosts and options of DHCP servers lie in it. */
  readonly dataDirectory: string
  /** Owner of the taps. */
  readonly qemuUid: number
  /** The two ends of the link between host and fabric; no network of the host's may hold them. */
  readonly linkAddresses?: { readonly host: string; readonly fabric: string }
}

export interface Engine {
  readonly privileged: Privileged
  readonly names: Names
  readonly options: LinuxBridgeOptions
  readonly link: { readonly host: string; readonly fabric: string }
  /** Calls about the same thing take turns. */
  inTurn<T>(key: string, run: () => Promise<T>): Promise<T>
  /** Numbers of ports in marks. */
  readonly portNumbers: Numbers
  /** Connection tracking zones of networks, by bridge. */
  readonly zones: Numbers
  /** What this engine knows of the chains of the fabric. */
  readonly chains: Chains
  /** Devices of the host that were told to forward. The table on the host knows them too; somebody's `flush ruleset` may take it away. */
  readonly opened: Set<string>
}

/** Small numbers for names, kept in a map of the kernel's, from where they are read again after a restart. */
export interface Numbers {
  /** The number of a name; a free one when it has none. */
  of(name: string): Promise<number>
  /** Nothing when the name has none. */
  find(name: string): Promise<number | undefined>
  /** Names that begin so. */
  starting(start: string): Promise<string[]>
  free(name: string): void
  forget(): void
}

/** A mark has 32 bits, half of them for a number; a zone has 16. */
const largest = 0xffff

export function createEngine(options: LinuxBridgeOptions): Engine {
  const names = namesFor(options.prefix)
  const inTurn = turns()
  const chains = knownChains()
  const read = (map: string) => readMap(options.privileged, names.fabric, map)
  return {
    privileged: remembering(options.privileged, names.fabric, chains), names, options, inTurn, chains, opened: new Set(),
    link: options.linkAddresses ?? { host: '198.18.0.1', fabric: '198.18.0.2' },
    portNumbers: numbers(async () => (await read('egress')).map(([mark, verdict]) => [chainOf(verdict).replace(/^eg-/, ''), Number(mark)])),
    zones: numbers(async () => (await read('zones')).map(([bridge, zone]) => [String(bridge), Number(zone)])),
  }
}

/** The same helper; what it is told of the fabric's rules is noted. */
function remembering(privileged: Privileged, fabric: string, chains: Chains): Privileged {
  return {
    ...privileged,
    async nft(ruleset, where) {
      if (where.netns !== fabric) return privileged.nft(ruleset, where)
      chains.change(ruleset)
      await privileged.nft(ruleset, where)
      chains.note(ruleset)
    },
  }
}

function numbers(load: () => Promise<(readonly [string, number])[]>): Numbers {
  let loading: Promise<void> | undefined
  const byName = new Map<string, number>()
  const taken = new Set<number>()
  let last = 0
  const ready = () => (loading ??= load().then((known) => {
    for (const [name, number] of known) {
      byName.set(name, number)
      taken.add(number)
    }
  }).catch((error: unknown) => {
    loading = undefined
    throw error
  }))
  return {
    async of(name) {
      await ready()
      const known = byName.get(name)
      if (known !== undefined) return known
      // Freed numbers rest as long as possible, so that no packet on its way meets a new owner.
      for (let tried = 0; tried < largest; tried += 1) {
        last = (last % largest) + 1
        if (taken.has(last)) continue
        taken.add(last)
        byName.set(name, last)
        return last
      }
      throw new Error('No number is free.')
    },
    async find(name) {
      await ready()
      return byName.get(name)
    },
    async starting(start) {
      await ready()
      return [...byName.keys()].filter((name) => name.startsWith(start))
    },
    free(name) {
      const number = byName.get(name)
      if (number !== undefined) taken.delete(number)
      byName.delete(name)
    },
    forget() {
      loading = undefined
      byName.clear()
      taken.clear()
    },
  }
}

/** The elements of a map as pairs of key and value. */
async function readMap(privileged: Privileged, netns: string, map: string): Promise<(readonly [unknown, unknown])[]> {
  if (!(await privileged.netnsList()).includes(netns)) return []
  const listed = await privileged.nftQuery(['map', 'inet', table, map], { netns })
  const found = listed.map((entry) => entry['map'] as { elem?: [unknown, unknown][] } | undefined).find(Boolean)
  return found?.elem ?? []
}

const chainOf = (verdict: unknown) => (verdict as { goto?: { target?: string } })?.goto?.target ?? ''
