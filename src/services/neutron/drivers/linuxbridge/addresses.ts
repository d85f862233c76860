// Addresses as the engine accepts them: checked, and never anything that could be read as more than an address.
import { isIPv4, isIPv6 } from 'node:net'
import { BadSpecification } from '../interface.ts'

export const metadataAddress = '169.254.169.254'

export function mac(value: string): string {
  const lower = value.toLowerCase()
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(lower)) throw new BadSpecification(`Not a MAC address: ${JSON.stringify(value)}`)
  return lower
}

export function ipv4(value: string): string {
  if (!isIPv4(value)) throw new BadSpecification(`Not an IPv4 address: ${JSON.stringify(value)}`)
  return value
}

/** 4 or 6 for an address or a prefix, and nothing for what is neither. */
export function versionOf(value: string): 4 | 6 | undefined {
  const cut = value.indexOf('/')
  const address = cut < 0 ? value : value.slice(0, cut)
  const length = cut < 0 ? '0' : value.slice(cut + 1)
  if (!/^\d{1,3}$/.test(length)) return undefined
  if (isIPv4(address)) return Number(length) <= 32 ? 4 : undefined
  // A zone (`fe80::1%eth0`) names a device of a host; it has no place here.
  if (isIPv6(address) && !address.includes('%')) return Number(length) <= 128 ? 6 : undefined
  return undefined
}

export function prefix(value: string, version?: 4 | 6): string {
  const found = versionOf(value)
  if (!found || (version && found !== version)) throw new BadSpecification(`Not an address or prefix: ${JSON.stringify(value)}`)
  return value.toLowerCase()
}

export function toNumber(address: string): number {
  return ipv4(address).split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

export function toAddress(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.')
}

/** First address and netmask of an IPv4 prefix, in dotted form, and its length. */
export function network4(cidr: string): { base: string; netmask: string; length: number } {
  const [address = '', bits = '32'] = prefix(cidr, 4).split('/')
  const length = Number(bits)
  const size = 2 ** (32 - length)
  return { base: toAddress(Math.floor(toNumber(address) / size) * size), netmask: toAddress(2 ** 32 - size), length }
}

/** The link-local address that a device with this MAC address gives itself (RFC 4291, appendix A). */
export function linkLocal(macAddress: string): string {
  const bytes = mac(macAddress).split(':').map((part) => Number.parseInt(part, 16))
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes
  const groups = [(a ^ 2) * 256 + b, c * 256 + 0xff, 0xfe00 + d, e * 256 + f]
  return `fe80::${groups.map((group) => group.toString(16)).join(':')}`
}
