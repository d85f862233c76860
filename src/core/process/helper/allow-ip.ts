// Which lines `ip` and `bridge` may be given, and which kernel settings and queries are allowed where.
import { isIP, isIPv4 } from 'node:net'
import { deviceName, hostDeviceName, namespaceName, refuse, text, texts } from './allow.ts'
import type { HelperOptions } from './protocol.ts'

/** Refuses a word that does not fit in its place. */
type Check = (word: string, options: HelperOptions) => unknown

/** What a line is about, and the options that may follow, each once: those with a value have its check. */
interface Grammar {
  readonly about?: Check
  readonly options: Readonly<Record<string, Check | 'alone'>>
}

const fits = (what: string, does: (word: string) => boolean): Check => (word) => does(word) || refuse(what, word)
const oneOf = (...words: string[]) => fits('A word', (word) => words.includes(word))
const number = fits('A number', (word) => /^[0-9]{1,10}$/.test(word))
const macAddress = fits('A MAC address', (word) => /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(word))
const address = fits('An address', (word) => isIP(word) !== 0)
const network = fits('A network', (word) => /^[^/]+(\/[0-9]{1,3})?$/.test(word) && isIP(word.split('/')[0] ?? '') !== 0)
const namespace: Check = (word, options) => namespaceName(options, word)
/** Where an option might stand too. The names of ours have something in them that no option of these lines has. */
const firstDevice: Check = (word) => (['lo', 'uplink'].includes(word) || /[0-9-]/.test(word) ? deviceName(word) : refuse('A device', word))

const addressLine: Grammar = { about: network, options: { dev: deviceName, nodad: 'alone' } }
const routeLine: Grammar = {
  about: (word, options) => word === 'default' || network(word, options),
  options: { via: address, dev: deviceName, onlink: 'alone' },
}
const forwardingLine: Grammar = { about: macAddress, options: { dev: deviceName, dst: fits('An address', isIPv4) } }

/** What the drivers write, and no more: some options of `ip` load programs into the kernel, or lead to other namespaces. */
const ipGrammar: Readonly<Record<string, Grammar>> = {
  'link add': {
    about: firstDevice,
    options: {
      netns: namespace, type: oneOf('bridge', 'veth', 'vxlan'), 'peer name': deviceName,
      forward_delay: number, stp_state: number, mcast_snooping: number,
      id: number, local: fits('An address', isIPv4), dstport: number, nolearning: 'alone', proxy: 'alone',
    },
  },
  'link set': { about: firstDevice, options: { mtu: number, address: macAddress, master: deviceName, up: 'alone', down: 'alone' } },
  'link del': { about: firstDevice, options: {} },
  'addr add': addressLine, 'addr replace': addressLine, 'addr del': addressLine,
  'route add': routeLine, 'route replace': routeLine, 'route del': routeLine,
  'neigh replace': { about: address, options: { lladdr: macAddress, dev: deviceName, nud: oneOf('permanent', 'stale') } },
  'neigh del': { about: address, options: { dev: deviceName } },
  'tuntap add': { options: { dev: deviceName, mode: oneOf('tap'), user: (word, options) => word === String(options.qemuUser.uid) || refuse('An owner', word) } },
}
const bridgeGrammar: Readonly<Record<string, Grammar>> = { 'fdb append': forwardingLine, 'fdb del': forwardingLine }

interface Line {
  readonly verb: string
  readonly about: string
  /** In the order in which they stand. */
  readonly options: ReadonlyMap<string, string>
}

function readLine(options: HelperOptions, grammars: Readonly<Record<string, Grammar>>, line: string): Line {
  const [object = '', action = '', ...rest] = line.split(' ')
  const verb = `${object} ${action}`
  const grammar = Object.hasOwn(grammars, verb) ? grammars[verb] : undefined
  if (!grammar) return refuse('A line', line)
  const about = grammar.about === undefined ? '' : rest.shift() ?? ''
  grammar.about?.(about, options)
  const found = new Map<string, string>()
  while (rest.length > 0) {
    const first = rest.shift() ?? ''
    const word = first === 'peer' ? `${first} ${rest.shift()}` : first
    const check = Object.hasOwn(grammar.options, word) ? grammar.options[word] : undefined
    if (check === undefined || found.has(word)) return refuse('A word of a line', line)
    const value = check === 'alone' ? '' : rest.shift() ?? ''
    if (check !== 'alone') check(value, options)
    found.set(word, value)
  }
  return { verb, about, options: found }
}

export function ipLines(options: HelperOptions, lines: unknown, netns: string | undefined): string {
  for (const line of texts(lines, 'A line')) {
    const read = readLine(options, ipGrammar, line)
    if (netns === undefined) checkHostLine(options, read)
  }
  return `${(lines as string[]).join('\n')}\n`
}

/** On the host itself only this cloud's own devices may be touched, or links made that lie in its namespaces. */
function checkHostLine(options: HelperOptions, { verb, about, options: given }: Line): void {
  if (given.has('master') || verb === 'tuntap add') refuse('A line on the host', verb)
  if (!verb.startsWith('link ')) {
    hostDeviceName(options, given.get('dev'))
    return
  }
  // An option after the name of a peer is the peer's.
  const words = [...given.keys()]
  const [peer, moves] = [words.indexOf('peer name'), words.indexOf('netns')]
  if (peer >= 0 && moves < peer) refuse('A peer on the host', given.get('peer name'))
  if (peer >= 0 || moves < 0) hostDeviceName(options, about)
}

export function bridgeLines(options: HelperOptions, lines: unknown, netns: string | undefined): string {
  if (netns === undefined) refuse('bridge on the host', lines)
  for (const line of texts(lines, 'A line')) readLine(options, bridgeGrammar, line)
  return `${(lines as string[]).join('\n')}\n`
}

/** What is shown of `objects`: all, or one device's or address's. `ip` knows its verbs by their first letters, so the whole word it must be. */
export function shownWords(args: unknown, objects: readonly string[]): string[] {
  const parts = texts(args, 'A query')
  const [object = '', verb, ...rest] = ['-d', '-4', '-6', '-s'].includes(parts[0] ?? '') ? parts.slice(1) : parts
  if (!objects.includes(object) || verb !== 'show') refuse('A query', args)
  if (rest.length === 2 && rest[0] === 'dev') deviceName(rest[1])
  else if (rest.length > 1 || rest.some((word) => isIP(word) === 0)) refuse('A query', args)
  return parts
}

/** What `nft list` is asked for: plain words, and only the objects that are needed. */
export function listedWords(args: unknown, objects: readonly string[]): string[] {
  const parts = texts(args, 'A query')
  if (!objects.includes(parts[0] ?? '') || parts.some((part) => !/^[A-Za-z0-9][A-Za-z0-9.:/_-]*$/.test(part))) refuse('A query', args)
  return parts
}

/** A setting as a path below /proc/sys. On the host only forwarding may be changed. */
export function settingPath(name: unknown, netns: string | undefined, change: boolean): string {
  const path = text(name, 'A setting')
  if (!/^net(\/[A-Za-z0-9_-][A-Za-z0-9._@-]*)+$/.test(path) || path.includes('..')) refuse('A setting', name)
  if (change && netns === undefined && !/^net\/ipv[46]\/conf\/[^/]+\/forwarding$/.test(path)) refuse('A setting', name)
  return path
}

export function settingValue(value: unknown): string {
  const plain = text(value, 'A value')
  if (!/^[0-9]{1,10}$/.test(plain)) refuse('A value', value)
  return plain
}
