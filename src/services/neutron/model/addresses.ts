// Addresses and prefixes of both versions, as numbers: what lies in what, and how they are written.

export type IpVersion = 4 | 6

export interface Ip {
  readonly version: IpVersion
  readonly value: bigint
}

export interface Prefix extends Ip {
  readonly length: number
  readonly first: bigint
  readonly last: bigint
}

const bits = (version: IpVersion): number => (version === 4 ? 32 : 128)

function parse4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    // A leading zero means octal to some readers and decimal to others.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return BigInt(value)
}

function parse6(text: string): bigint | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined
  let hex = text
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (tail) {
    const low = parse4(tail[2] ?? '')
    if (low === undefined) return undefined
    hex = `${tail[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`
  }
  const halves = hex.split('::')
  if (halves.length > 2) return undefined
  const groups = (half: string | undefined) => (half === undefined || half === '' ? [] : half.split(':'))
  const [head, rest] = [groups(halves[0]), groups(halves[1])]
  const missing = 8 - head.length - rest.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const all = [...head, ...Array<string>(missing).fill('0'), ...rest]
  let value = 0n
  for (const group of all) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
    value = (value << 16n) | BigInt(parseInt(group, 16))
  }
  return value
}

/** An address in one of its usual spellings, or undefined for anything else. */
export function parseIp(text: string): Ip | undefined {
  const four = parse4(text)
  if (four !== undefined) return { version: 4, value: four }
  const six = text.includes(':') ? parse6(text) : undefined
  return six === undefined ? undefined : { version: 6, value: six }
}

/** The one spelling under which we keep an address. */
export function formatIp({ version, value }: Ip): string {
  if (version === 4) {
    const number = Number(value)
    return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`
  }
  const groups: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn))
  let [best, bestLength] = [-1, 1]
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && groups[at + length] === 0) length++
    if (length > bestLength) [best, bestLength] = [at, length]
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  return best < 0 ? text(groups) : `${text(groups.slice(0, best))}::${text(groups.slice(best + bestLength))}`
}

/** A prefix; an address alone is one of full length. Bits beyond the length are dropped in `first`. */
export function parsePrefix(text: string): Prefix | undefined {
  const [addressText = '', lengthText, ...more] = text.split('/')
  const ip = parseIp(addressText)
  if (!ip || more.length > 0) return undefined
  if (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined
  const length = lengthText === undefined ? bits(ip.version) : Number(lengthText)
  if (length > bits(ip.version)) return undefined
  const size = 1n << BigInt(bits(ip.version) - length)
  const first = (ip.value / size) * size
  return { ...ip, length, first, last: first + size - 1n }
}

export function formatPrefix({ version, first, length }: Prefix): string {
  return `${formatIp({ version, value: first })}/${length}`
}

/** All that addresses, prefixes and ranges (`first-last`) cover, written in one way only: what lies side by side is one range. */
export function coverage(texts: readonly string[]): string {
  const ranges = texts.flatMap((text) => rangeOf(text) ?? []).sort((a, b) => a.version - b.version || (a.first < b.first ? -1 : 1))
  const whole: Range[] = []
  for (const range of ranges) {
    const last = whole.at(-1)
    if (!last || last.version !== range.version || range.first > last.last + 1n) whole.push({ ...range })
    else if (range.last > last.last) last.last = range.last
  }
  return whole.map(({ version, first, last }) => [first, last].map((value) => formatIp({ version, value })).join('-')).join(' ')
}

interface Range {
  readonly version: IpVersion
  readonly first: bigint
  last: bigint
}

function rangeOf(text: string): Range | undefined {
  const [from, to] = text.split('-').map(parsePrefix)
  return from && { version: from.version, first: from.first, last: (to ?? from).last }
}

export function contains(prefix: Prefix, ip: Ip): boolean {
  return prefix.version === ip.version && ip.value >= prefix.first && ip.value <= prefix.last
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.version === b.version && a.first <= b.last && b.first <= a.last
}

/** Text that sorts as the number does, of one length per version: the key of an allocation. */
export function addressKey({ version, value }: Ip): string {
  return value.toString(16).padStart(version === 4 ? 8 : 32, '0')
}

export function fromKey(version: IpVersion, key: string): Ip {
  return { version, value: BigInt(`0x${key}`) }
}

/** The address that IPv6 hosts make for themselves from prefix and MAC (RFC 4862, modified EUI-64). */
export function eui64(prefix: Prefix, macAddress: string): Ip {
  const bytes = macAddress.split(':').map((part) => parseInt(part, 16))
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes
  const host = [a ^ 2, b, c, 0xff, 0xfe, d, e, f].reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  return { version: 6, value: prefix.first + host }
}
