// The gateway of an external network lives on the first address of its block.
import { formatIp, parsePrefix } from '../model/addresses.ts'

export function firstAddress(cidr: string): string {
  const prefix = parsePrefix(cidr)
  if (!prefix) throw new Error(`${cidr} is no block of addresses`)
  return formatIp({ version: prefix.version, value: prefix.first + 1n })
}
