// What filters make of the hints of a request.
import { BlockList, isIP } from 'node:net'
import type { HostState } from './hosts.ts'

/** Whether one of these servers is on the host. A server that nobody knows is on none. */
export function standsBy({ host }: HostState, servers: readonly string[], neighbours: Readonly<Record<string, string>> = {}): boolean {
  return servers.some((id) => neighbours[id] === host)
}

/** @param width as `/24` */
export function inSameNetwork(hostIp: string, near: string, width: string): boolean {
  const family = isIP(near)
  const bits = Number(width.slice(1))
  if (family === 0 || isIP(hostIp) !== family || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const network = new BlockList()
  network.addSubnet(near, bits, type)
  return network.check(hostIp, type)
}
