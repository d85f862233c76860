// The hosts of the cell: they register, live, and are shown to the scheduler with their zones and what they carry.
import type { RequestContext } from '#core/context'
import type { ArgsOf } from '#core/spec'
import type { conductorRpc } from '../contract/conductor-rpc.ts'
import { mappedServers } from '../db/build-requests.ts'
import { countServers, type HostAggregate, isMapped, listComputeNodes, listHostAggregates, listServices, mapHost, type ServiceEntry, upsertNode, upsertService } from '../db/hosts.ts'
import { listOnHost, livingServers } from '../db/instances.ts'
import { openOperationIds } from '../db/operations.ts'
import type { HostState } from './scheduling/hosts.ts'
import { type Nova, now } from './nova.ts'

type HostReport = ArgsOf<(typeof conductorRpc)['methods']['registerHost']>

export async function registerHost(nova: Nova, ctx: RequestContext, report: HostReport): Promise<{ providerId: string }> {
  const at = now(nova)
  const { ids } = nova.runtime
  const providerId = await nova.cells.cell1.transaction(async (tx) => {
    await upsertService(tx, { host: report.host, binary: 'nova-compute', topic: 'compute' }, ids.uuid(), at, at)
    return upsertNode(tx, {
      host: report.host, hypervisor_hostname: report.node, hypervisor_type: report.hypervisorType, hypervisor_version: report.hypervisorVersion, host_ip: report.hostIp,
      vcpus: report.vcpus, memory_mb: report.memoryMiB, local_gb: report.diskGiB, free_ram_mb: report.freeMemoryMiB, free_disk_gb: report.freeDiskGiB,
      running_vms: report.runningGuests, cpu_info: JSON.stringify(report.cpuInfo),
    }, ids.uuid(), at)
  })
  if (!(await isMapped(nova.api.read, report.host))) {
    await nova.api.transaction((tx) => mapHost(tx, report.host, 'cell1', at))
    await nova.scheduler.everyone().hostsChanged(ctx, {})
  }
  return { providerId }
}

export async function heartbeat(nova: Nova, ctx: RequestContext, service: { host: string; binary: string; topic: string; stopped?: boolean }): Promise<void> {
  const { host, binary, topic } = service
  const at = now(nova)
  const made = await nova.cells.cell1.transaction((tx) => upsertService(tx, { host, binary, topic }, nova.runtime.ids.uuid(), at, at))
  if (made === 'made') await nova.scheduler.everyone().hostsChanged(ctx, {})
}

export function isUp(nova: Pick<Nova, 'runtime' | 'settings'>, service: Pick<ServiceEntry, 'last_seen_up' | 'forced_down'>): boolean {
  if (service.forced_down === 1 || service.last_seen_up === null) return false
  return nova.runtime.clock.now().getTime() - Date.parse(service.last_seen_up) <= nova.settings.service_down_time * 1000
}

/** The zone that an aggregate gives a host, or the default one. */
export function zoneOf(host: string, aggregates: readonly HostAggregate[], defaultZone: string): string {
  return aggregates.find((aggregate) => aggregate.host === host && aggregate.metadata['availability_zone'] !== undefined)?.metadata['availability_zone'] ?? defaultZone
}

export async function listHosts(nova: Nova): Promise<HostState[]> {
  const { read } = nova.cells.cell1
  const nodes = await listComputeNodes(read)
  const services = new Map((await listServices(read, 'nova-compute')).map((service) => [service.host, service]))
  const aggregates = await listHostAggregates(nova.api.read)
  const counts = await countServers(read)
  return nodes.map((node) => {
    const service = services.get(node.host)
    const cpu = JSON.parse(node.cpu_info) as Record<string, unknown>
    return {
      host: node.host, node: node.hypervisor_hostname, providerId: node.uuid, zone: zoneOf(node.host, aggregates, nova.settings.default_availability_zone),
      aggregates: aggregates.filter(({ host }) => host === node.host).map(({ name, metadata }) => ({ name, metadata })),
      hostIp: node.host_ip, reported: { vcpus: node.vcpus, ramMiB: node.memory_mb, freeRamMiB: node.free_ram_mb, diskGiB: node.local_gb, freeDiskGiB: node.free_disk_gb },
      enabled: service?.disabled === 0, up: service !== undefined && isUp(nova, service),
      capabilities: {
        hypervisor_type: node.hypervisor_type, hypervisor_version: String(node.hypervisor_version), hypervisor_hostname: node.hypervisor_hostname, host_ip: node.host_ip,
        'cpu_info:arch': String(cpu['arch'] ?? ''), 'cpu_info:model': String(cpu['model'] ?? ''), 'cpu_info:vendor': String(cpu['vendor'] ?? ''), vm_mode: 'hvm',
      },
      ...(counts.get(node.host) ?? { servers: 0, tasks: 0 }),
    }
  })
}

export async function serversOfHost(nova: Nova, host: string) {
  const servers = (await listOnHost(nova.cells.cell1.read, host)).map((row) => ({ serverId: row.uuid, vmState: row.vm_state, taskState: row.task_state, powerState: row.power_state }))
  return { servers, openOperations: [...(await openOperationIds(nova.api.read)), ...(await openOperationIds(nova.cells.cell1.read))] }
}

/** Those that no cell and no open build knows. */
export async function goneServers(nova: Nova, serverIds: readonly string[]): Promise<string[]> {
  const known = new Set([...(await mappedServers(nova.api.read, serverIds)), ...(await livingServers(nova.cells.cell1.read, serverIds))])
  return serverIds.filter((id) => !known.has(id))
}
