// Learns anew from neutron which ports and addresses a server has.
import type { RequestContext } from '#core/context'
import { findInstance } from '../../db/instances.ts'
import { portsOf, replacePorts } from '../../db/ports.ts'
import { networkFacts, floatingAddresses, toServerPort } from '../../neighbours/network.ts'
import type { RequestedNetwork, ServerPort } from '../../model/server.ts'
import { type Nova, now } from '../nova.ts'
import { ownPortsOf } from './own-ports.ts'
import { portDeleted } from './port-deleted.ts'

export async function refreshPorts(nova: Nova, ctx: RequestContext, serverId: string): Promise<void> {
  while ((await learnPorts(nova, ctx, serverId)) === 'look again');
}

/** What neutron said is void where nova's own work changed what the server has meanwhile; and of a port that is new here nobody would have said that it is gone. */
async function learnPorts(nova: Nova, ctx: RequestContext, serverId: string): Promise<'done' | 'look again'> {
  const { read } = nova.cells.cell1
  const instance = await findInstance(read, serverId)
  // While it is built or deleted its operation knows the ports.
  if (!instance || instance.vm_state === 'building' || instance.task_state === 'deleting') return 'done'
  const known = new Map((await portsOf(read, serverId)).map((port) => [port.portId, port]))
  const requested = JSON.parse(instance.requested_networks) as RequestedNetwork[]
  const ports = await ownPortsOf(nova, ctx, { serverId, projectId: instance.project_id, known: known.values(), requested })
  const floating = await floatingAddresses(nova.runtime, ctx, ports)
  const strange = [...new Set(ports.filter(({ id }) => !known.has(id)).map(({ networkId }) => networkId))]
  const networks = await networkFacts(nova.runtime, ctx, strange)
  const fresh = ports.map((port): ServerPort => {
    const before = known.get(port.id)
    const network = before ?? networks.get(port.networkId) ?? { networkName: '', mtu: 1500 }
    const made = toServerPort(port, network, {
      preserve: before?.preserve ?? requested.some(({ portId }) => portId === port.id), ...(before?.tag !== undefined && { tag: before.tag }),
    })
    return {
      ...made,
      addresses: made.addresses.map((address) => ({ ...address, floating: floating.filter(({ portId, fixed }) => portId === port.id && fixed === address.address).map((each) => each.address) })),
    }
  })
  // A port that is gone leaves the guest first.
  const gone = instance.host === null ? [] : [...known.values()].filter(({ portId }) => !ports.some(({ id }) => id === portId))
  for (const { portId } of gone) await portDeleted(nova, ctx, { serverId, host: instance.host, portId })
  // Ports keep their order; new ones come last.
  const order = [...known.keys()]
  const after = [...fresh, ...gone].sort((a, b) => (order.indexOf(a.portId) + 1 || Number.MAX_SAFE_INTEGER) - (order.indexOf(b.portId) + 1 || Number.MAX_SAFE_INTEGER))
  return nova.cells.cell1.transaction(async (tx) => {
    const unchanged = JSON.stringify((await portsOf(tx, serverId)).map(({ portId }) => portId)) === JSON.stringify(order)
    if (unchanged) await replacePorts(tx, serverId, after, now(nova))
    return unchanged && strange.length === 0 ? 'done' : 'look again'
  })
}
