// The gateway of a router: a port on an external network that the router's owner neither sees nor owns.
import type { RequestContext } from '#core/context'
import { networkRow, type Tx } from '../db/networks.ts'
import { deletePortRow, portRow } from '../db/ports.ts'
import { floatingIpsOfRouters, setRouter } from '../db/routers.ts'
import { subnetsOfNetwork } from '../db/subnets.ts'
import type { RouterRow } from '../db/tables.ts'
import { overlaps, parsePrefix } from '../model/addresses.ts'
import { badRequest, GatewayUsedByFloatingIp, NetworkNotFound } from '../model/errors.ts'
import { allows, bit, type Check, toFlag } from './access.ts'
import type { Neutron } from './neutron.ts'
import { insertNewPort } from './ports/create.ts'
import { reachOf } from './router-routes.ts'
import { networkTarget, routerTarget } from './targets.ts'

export interface WantedGateway {
  readonly network_id?: string
  readonly enable_snat?: unknown
  readonly external_fixed_ips?: readonly { readonly subnet_id?: string; readonly ip_address?: string }[] | null
}

export const gatewayOwner = 'network:router_gateway'

const gatewayParts = ['network_id', 'external_fixed_ips', 'enable_snat'] as const

/** The checks of a gateway and of its parts. */
export function gatewayChecks(rule: string, wanted: WantedGateway | null | undefined): readonly Check[] {
  if (wanted === undefined) return []
  const own = `${rule}:external_gateway_info`
  return [wanted === null ? own : [own, gatewayParts.filter((name) => wanted[name] !== undefined && wanted[name] !== null).map((name) => `${own}:${name}`)]]
}

/** @throws GatewayUsedByFloatingIp, NetworkNotFound */
export async function setGateway(neutron: Neutron, tx: Tx, ctx: RequestContext, router: RouterRow, wanted: WantedGateway | null): Promise<void> {
  const networkId = wanted?.network_id
  if (!wanted || Object.keys(wanted).length === 0) {
    if (router.gateway_port_id !== null) await dropGateway(tx, router)
    return
  }
  if (networkId === undefined) throw badRequest('router', 'external_gateway_info needs a network_id')
  const enableSnat = bit(toFlag(wanted.enable_snat, defaultSnat(neutron, ctx, router)))
  if (router.gateway_network_id === networkId && !wanted.external_fixed_ips) return setRouter(tx, router.id, { enable_snat: enableSnat })
  const network = await networkRow(tx, networkId)
  if (!network || !allows(neutron, ctx, 'get_network', networkTarget(network))) throw new NetworkNotFound(`Network ${networkId} could not be found.`)
  if (network.external !== 1) throw badRequest('router', `Network ${networkId} is not an external network`)
  const subnets = await subnetsOfNetwork(tx, networkId)
  if (router.gateway_port_id !== null) await dropGateway(tx, router)
  await refuseOverlap(tx, router.id, subnets.map((subnet) => subnet.cidr))
  const port = await insertNewPort(neutron, tx, ctx, { network, subnets }, '', {
    name: '', device_owner: gatewayOwner, device_id: router.id, ...(wanted.external_fixed_ips && { fixed_ips: [...wanted.external_fixed_ips] }),
  })
  await tx.updateTable('ports').set({ status: 'ACTIVE' }).where('id', '=', port.row.id).execute()
  await setRouter(tx, router.id, { gateway_port_id: port.row.id, gateway_network_id: networkId, enable_snat: enableSnat })
}

/**
 * Upstream falls back to the default whenever nothing is said, so that who may not choose undoes what an administrator chose
 * (CVE-2014-6414). For them it stays, also while the router has no gateway.
 */
function defaultSnat(neutron: Neutron, ctx: RequestContext, router: RouterRow): boolean {
  return router.enable_snat === 1 || allows(neutron, ctx, 'update_router:external_gateway_info:enable_snat', routerTarget(router))
}

async function refuseOverlap(tx: Tx, routerId: string, cidrs: readonly string[]): Promise<void> {
  const { prefixes } = await reachOf(tx, routerId)
  for (const cidr of cidrs) {
    const prefix = parsePrefix(cidr)
    if (prefix && prefixes.some((each) => overlaps(each, prefix))) throw badRequest('router', `Cidr ${cidr} overlaps with a cidr of the router`)
  }
}

async function dropGateway(tx: Tx, router: RouterRow): Promise<void> {
  if ((await floatingIpsOfRouters(tx, [router.id])).some((ip) => ip.fixed_port_id !== null)) {
    throw new GatewayUsedByFloatingIp(`Gateway cannot be updated for router ${router.id}, since a gateway to external network ${router.gateway_network_id} is required by one or more floating IPs.`)
  }
  await setRouter(tx, router.id, { gateway_port_id: null, gateway_network_id: null })
  if (router.gateway_port_id !== null && (await portRow(tx, router.gateway_port_id))) await deletePortRow(tx, router.gateway_port_id)
}
