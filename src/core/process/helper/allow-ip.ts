// Which lines `ip` and `bridge` may be given, and which kernel settings and queries are allowed where.
import { hostDeviceName, namespaceName, refuse, text, texts } from './allow.ts'
import type { HelperOptions } from './protocol.ts'

const verbs: Record<string, readonly string[]> = {
  link: ['add', 'set', 'del'],
  addr: ['add', 'replace', 'del'],
  route: ['add', 'replace', 'del'],
  neigh: ['replace', 'del'],
  tuntap: ['add', 'del'],
}
const bridgeVerbs: Record<string, readonly string[]> = { fdb: ['append', 'replace', 'del'], link: ['set'] }
const linkTypes = ['bridge', 'veth', 'vxlan', 'bridge_slave']
/** Words that lead out of the namespace, or to what this cloud never uses. */
const forbidden = ['exec', 'netnsid', 'link-netnsid', 'link-netns', 'xdp', 'object', 'pinned', 'vf', 'group', 'all']

function words(line: unknown): string[] {
  const parts = text(line, 'A line').split(' ')
  if (parts.some((part) => !/^[A-Za-z0-9][A-Za-z0-9.:/_,-]*$/.test(part))) refuse('A line', line)
  if (parts.some((part) => forbidden.includes(part))) refuse('A word of a line', line)
  return parts
}

/** The values that follow a word wherever it stands. */
const after = (parts: readonly string[], word: string) =>
  parts.flatMap((part, index) => (part === word ? [parts[index + 1] ?? ''] : []))

export function ipLines(options: HelperOptions, lines: unknown, netns: string | undefined): string {
  return texts(lines, 'A line').map((line) => checkIpLine(options, line, netns)).join('\n') + '\n'
}

function checkIpLine(options: HelperOptions, line: string, netns: string | undefined): string {
  const parts = words(line)
  const [object = '', verb = ''] = parts
  if (!verbs[object]?.includes(verb)) refuse('A line', line)
  for (const name of after(parts, 'netns')) namespaceName(options, name)
  for (const type of after(parts, 'type')) {
    if (object === 'link' && !linkTypes.includes(type)) refuse('A kind of link', line)
  }
  for (const owner of after(parts, 'user')) if (owner !== String(options.qemuUser.uid)) refuse('An owner', line)
  if (object === 'tuntap' && (!netns || after(parts, 'mode')[0] !== 'tap')) refuse('A line', line)
  if (netns === undefined) checkHostLine(options, parts, line)
  return line
}

/** On the host itself only this cloud's own devices may be touched, or links made that lie in its namespaces. */
function checkHostLine(options: HelperOptions, parts: readonly string[], line: string): void {
  if (parts.includes('master') || parts.includes('name') && !parts.includes('peer')) refuse('A line on the host', line)
  if (parts[0] !== 'link') {
    const devices = after(parts, 'dev')
    if (devices.length !== 1) refuse('A line on the host', line)
    hostDeviceName(options, devices[0])
    return
  }
  const device = parts[2] === 'dev' ? parts[3] : parts[2]
  const movesAway = parts[1] === 'add' && parts[3] === 'netns'
  if (!movesAway) hostDeviceName(options, device)
  if (parts.includes('peer') && after(parts, 'netns').length === 0) refuse('A peer on the host', line)
}

export function bridgeLines(lines: unknown, netns: string | undefined): string {
  if (netns === undefined) refuse('bridge on the host', lines)
  return texts(lines, 'A line').map((line) => {
    const parts = words(line)
    if (!bridgeVerbs[parts[0] ?? '']?.includes(parts[1] ?? '')) refuse('A line', line)
    return line
  }).join('\n') + '\n'
}

/** Queries change nothing; still only plain words, and only the objects that are needed. */
export function queryWords(args: unknown, objects: readonly string[]): string[] {
  const parts = texts(args, 'A query')
  if (parts.some((part) => !/^-?[A-Za-z0-9][A-Za-z0-9.:/_-]*$/.test(part))) refuse('A query', args)
  const object = parts.find((part) => !part.startsWith('-'))
  if (!object || !objects.includes(object)) refuse('A query', args)
  if (parts.some((part) => part.startsWith('-') && part !== '-d' && part !== '-4' && part !== '-6' && part !== '-s')) {
    refuse('A query', args)
  }
  const rest = parts.slice(parts.indexOf(object ?? '') + 1)
  if (rest.some((part) => ['add', 'set', 'del', 'replace', 'flush', 'exec'].includes(part))) refuse('A query', args)
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
