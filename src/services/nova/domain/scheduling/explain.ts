// Why no host was found, said twice: with counts, for the server's owner, and by host, for operators. A pure function.
import { NoValidHost } from '../../model/errors.ts'

export interface Considered {
  readonly filter: string
  /** Hosts that passed. */
  readonly left: number
  readonly removed: readonly string[]
}

/** A part of what was asked for, and who could give it if it were all. */
export interface Part {
  readonly what: string
  readonly hosts: readonly string[]
}

export interface Search {
  readonly hosts: readonly string[]
  /** What a host must have: `VCPU 1, MEMORY_MB 512`. */
  readonly wanted: string
  /** Hosts with room for all of it, as placement says. */
  readonly withRoom: readonly string[]
  /** Asked only when no host has room for all of it. */
  readonly parts: readonly Part[]
  readonly triedBefore: readonly string[]
  /** The one host that was asked for. */
  readonly forced?: string
  readonly filters: readonly Considered[]
  /** Passed all filters, but another server was there first. */
  readonly lost: readonly string[]
}

const opening = 'No valid host was found. There are not enough hosts available.'
const list = (hosts: readonly string[]) => (hosts.length === 0 ? 'none' : hosts.join(', '))

/** Upstream's words come first: clients look for them. The cause names hosts, so only operators see it. */
export function noValidHost(search: Search): Error {
  return new NoValidHost([opening, ...forOwner(search)].join(' '), {}, new Error(byHost(search).join('\n')))
}

function forOwner({ hosts, wanted, withRoom, parts, triedBefore, forced, filters, lost }: Search): string[] {
  const alone = parts.length < 2 ? '' : ` (each alone: ${parts.map(({ what, hosts: some }) => `${what} on ${some.length}`).join(', ')})`
  const tried = withRoom.filter((host) => triedBefore.includes(host)).length
  return [
    `${withRoom.length} of ${hosts.length} hosts have room for ${wanted}${alone}.`,
    ...(forced === undefined ? [] : ['One host was asked for.']),
    ...(tried === 0 ? [] : [`Tried before: ${tried}.`]),
    ...filters.filter(({ removed }) => removed.length > 0).map(({ filter, left, removed }) => `${filter}: ${left} of ${left + removed.length} passed.`),
    ...(lost.length === 0 ? [] : [`Taken by others meanwhile: ${lost.length}.`]),
  ]
}

function byHost({ hosts, wanted, withRoom, parts, triedBefore, forced, filters, lost }: Search): string[] {
  const lines = [
    `no room for ${wanted}: ${list(hosts.filter((host) => !withRoom.includes(host)))}`,
    ...parts.map(({ what, hosts: some }) => `without room for ${what} alone: ${list(hosts.filter((host) => !some.includes(host)))}`),
    ...filters.filter(({ removed }) => removed.length > 0).map(({ filter, removed }) => `${filter} removed: ${list(removed)}`),
  ]
  if (forced !== undefined) lines.push(`asked for: ${forced}${hosts.includes(forced) ? '' : ', which is not known'}`)
  if (triedBefore.length > 0) lines.push(`tried before: ${list(triedBefore)}`)
  if (lost.length > 0) lines.push(`taken by others meanwhile: ${list(lost)}`)
  return lines
}
