// The names of everything that the engine makes in the kernel. A device's name has 15 characters, so ids are shortened
// as upstream's agents do; namespaces carry the whole id.
import { BadSpecification, shortId } from '../interface.ts'

export const uplink = 'uplink'
export const table = 'nimbo'

export interface Names {
  readonly fabric: string
  /** The host's end of the link to the fabric. */
  readonly hostLink: string
  /** The cloud's table on the host. */
  readonly hostTable: string
  dhcpNamespace(networkId: string): string
  routerNamespace(routerId: string): string
}

export function namesFor(prefix: string): Names {
  return {
    fabric: `${prefix}-fabric`,
    hostLink: `${prefix}-up`,
    hostTable: `nimbo_${prefix}`,
    dhcpNamespace: (networkId) => `${prefix}-qdhcp-${uuid(networkId)}`,
    routerNamespace: (routerId) => `${prefix}-qrouter-${uuid(routerId)}`,
  }
}

export const bridgeOf = (networkId: string) => `brq${short(networkId)}`
export const tunnelOf = (networkId: string) => `vx-${short(networkId)}`
/** The fabric's end of any port: a guest's tap, or the veth of a router or a DHCP server. */
export const tapOf = (portId: string) => `tap${short(portId)}`
export const dhcpDeviceOf = (portId: string) => `ns-${shortId(uuid(portId))}`
export const routerDeviceOf = (portId: string) => `qr-${shortId(uuid(portId))}`
export const gatewayDeviceOf = (portId: string) => `qg-${shortId(uuid(portId))}`
/** The two ends by which a physical network's gateway hangs on its segment. */
export const externalGateway = (physicalNetwork: string) => `gw-${physicalName(physicalNetwork)}`
export const externalSegment = (physicalNetwork: string) => `ph-${physicalName(physicalNetwork)}`

/** The part of an id that names devices; what is left over on a host is known by this part alone. */
export const short = (id: string) => (/^[0-9a-f]{8}-[0-9a-f]{2}$/.test(id) ? id : shortId(uuid(id)))

/** Ids go into the names of devices, chains and files. */
export function uuid(id: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new BadSpecification(`Not an id: ${JSON.stringify(id)}`)
  return id
}

function physicalName(name: string): string {
  if (!/^[A-Za-z0-9]{1,11}$/.test(name)) throw new BadSpecification(`Not a physical network: ${JSON.stringify(name)}`)
  return name
}
