// Compute nodes as admins see them: what they are, what of them is used, whether they live, and the servers on them.
import type { RequestContext } from '#core/context'
import { BadRequest, Cancelled, DeadlineExceeded, NotFound, ServiceUnavailable } from '#core/errors'
import { AnswerLost } from '#core/rpc'
import { findNode, type HostUse, nodesLike, pageNodes, type Reference, serversByHost, useByHost } from '../db/compute-hosts.ts'
import { type ComputeNode, listServices, type ServiceEntry } from '../db/hosts.ts'
import { ComputeServiceUnavailable } from '../model/errors.ts'
import type { Nova } from './nova.ts'
import { isUp } from './service-status.ts'

export interface Hypervisor {
  readonly node: ComputeNode
  readonly service: ServiceEntry
  readonly up: boolean
  readonly use: HostUse
  /** What guests do not get. */
  readonly reserved: { readonly vcpus: number; readonly memoryMiB: number; readonly diskGiB: number }
  /** Present when they were asked for. */
  readonly servers?: readonly { readonly name: string; readonly uuid: string }[]
}

/** A node whose service was removed is not shown. */
async function complete(nova: Nova, nodes: readonly ComputeNode[], withServers: boolean): Promise<Hypervisor[]> {
  const db = nova.cells.cell1.read
  const hosts = [...new Set(nodes.map(({ host }) => host))]
  const services = new Map((await listServices(db, 'nova-compute')).map((service) => [service.host, service]))
  const uses = await useByHost(db, hosts)
  const { reserved_host_cpus: vcpus, reserved_host_memory_mb: memoryMiB, reserved_host_disk_mb: diskMiB } = nova.settings
  const reserved = { vcpus, memoryMiB, diskGiB: Math.ceil(diskMiB / 1024) }
  const servers = withServers ? await serversByHost(db, hosts) : undefined
  return nodes.flatMap((node) => {
    const service = services.get(node.host)
    if (!service) return []
    const carried = servers && (servers.get(node.host) ?? []).map(({ id, uuid }) => ({ name: `instance-${id.toString(16).padStart(8, '0')}`, uuid }))
    return [{ node, service, up: isUp(nova, service), use: uses.get(node.host) ?? { vcpus: 0, memoryMiB: 0, diskGiB: 0, busy: 0 }, reserved, ...(carried && { servers: carried }) }]
  })
}

/** How one hears that nobody answers. */
const silence = [ServiceUnavailable, AnswerLost, DeadlineExceeded, Cancelled]

/**
 * The host is asked.
 *
 * @throws ComputeServiceUnavailable when it is down or does not answer
 */
export async function uptimeOf(nova: Nova, ctx: RequestContext, { node, up }: Hypervisor): Promise<string> {
  const gone = (cause?: unknown) => new ComputeServiceUnavailable(`Compute service of ${node.host} is unavailable at this time.`, {}, cause)
  if (!up) throw gone()
  try {
    return (await nova.compute.on(node.host).uptime(ctx, {})).uptime
  } catch (error) {
    throw silence.some((kind) => error instanceof kind) ? gone(error) : error
  }
}

function missing(reference: string) {
  return new NotFound(`Hypervisor with ID '${reference}' could not be found.`)
}

export async function showHypervisor(nova: Nova, by: Reference, withServers = false): Promise<Hypervisor> {
  const reference = String('id' in by ? by.id : by.uuid)
  const node = await findNode(nova.cells.cell1.read, by)
  if (!node) throw missing(reference)
  const [hypervisor] = await complete(nova, [node], withServers)
  if (!hypervisor) throw missing(reference)
  return hypervisor
}

export async function listHypervisors(nova: Nova, page: { limit: number; marker?: Reference }, withServers = false): Promise<Hypervisor[]> {
  const db = nova.cells.cell1.read
  const { limit, marker } = page
  const after = marker && (await findNode(db, marker))
  if (marker && !after) throw new BadRequest(`marker [${'id' in marker ? marker.id : marker.uuid}] not found`)
  return complete(nova, await pageNodes(db, { limit, ...(after && { after: after.id }) }), withServers)
}

/** @throws NotFound when no node's name has the text in it */
export async function searchHypervisors(nova: Nova, text: string, withServers = false): Promise<Hypervisor[]> {
  const nodes = await nodesLike(nova.cells.cell1.read, text)
  if (nodes.length === 0) throw new NotFound(`No hypervisor matching '${text}' could be found.`)
  return complete(nova, nodes, withServers)
}

/** Of the hosts that are not disabled. */
export async function enabledHypervisors(nova: Nova): Promise<Hypervisor[]> {
  const all = await listHypervisors(nova, { limit: Number.MAX_SAFE_INTEGER })
  return all.filter(({ service }) => service.disabled === 0)
}
