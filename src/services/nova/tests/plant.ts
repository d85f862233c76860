// Rows that only a compute host or a running server would write, planted for tests of what the API makes of them.
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock, systemIds } from '#core/context'
import { type Database, openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import type { Session, TestCloud } from '../../../app/testing/index.ts'
import { must } from './bench.ts'
import type { ApiTables } from '../db/api-tables.ts'
import type { CellTables } from '../db/cell-tables.ts'
import { openDatabases } from '../db/open.ts'

export interface Garden {
  readonly api: Database<ApiTables>
  readonly cell: Database<CellTables>
  /** Where servers are kept that never came to a host. */
  readonly cell0: Database<CellTables>
  /** A compute host with its service and its node of 4 CPUs, 8 GiB and 100 GiB, of which 512 MiB and 5 GiB are used. */
  host(name: string): Promise<{ serviceUuid: string; nodeUuid: string }>
  /** A server of 2 CPUs, 1 GiB and 10 GiB. */
  server(of: { projectId: string; userId: string; host?: string; createdAt?: string; deletedAt?: string; launchedAt?: string }): Promise<string>
}

export async function garden(t: TestContext, cloud: TestCloud): Promise<Garden> {
  const { api, cells } = await openDatabases({
    database: (name, migrations) => openDatabase({ name, migrations, file: join(cloud.dataDirectory, 'db', `${name}.db`), clock: systemClock, log: silentLog }),
  })
  const cell = cells.cell1
  t.after(async () => {
    for (const database of [api, ...Object.values(cells)]) await database.close()
  })
  const now = () => systemClock.now().toISOString()
  return {
    api, cell, cell0: cells.cell0,
    async host(name) {
      const [serviceUuid, nodeUuid] = [systemIds.uuid(), systemIds.uuid()]
      await cell.transaction(async (tx) => {
        await tx.insertInto('services').values({
          uuid: serviceUuid, host: name, binary: 'nova-compute', topic: 'compute', disabled: 0, disabled_reason: null, forced_down: 0, version: 66,
          last_seen_up: now(), created_at: now(), updated_at: now(),
        }).execute()
        await tx.insertInto('compute_nodes').values({
          uuid: nodeUuid, host: name, hypervisor_hostname: `${name}.example`, hypervisor_type: 'QEMU', hypervisor_version: 7_002_000, host_ip: '192.0.2.1', vcpus: 4,
          memory_mb: 8192, local_gb: 100, free_ram_mb: 7680, free_disk_gb: 95, running_vms: 1, cpu_info: '{"arch":"x86_64"}', created_at: now(), updated_at: now(),
        }).execute()
      })
      return { serviceUuid, nodeUuid }
    },
    async server({ projectId, userId, host, createdAt = now(), launchedAt = createdAt, deletedAt }) {
      const uuid = systemIds.uuid()
      await cell.transaction((tx) => tx.insertInto('instances').values({
        uuid, project_id: projectId, user_id: userId, display_name: 'planted', display_description: null, hostname: 'planted', host: host ?? null, node: null,
        availability_zone: null, image_ref: '', flavor_id: '1', memory_mb: 1024, vcpus: 2, root_gb: 10, ephemeral_gb: 0, swap: 0, flavor: '{"name":"m1.planted"}',
        vm_state: deletedAt === undefined ? 'active' : 'deleted', task_state: null, power_state: 1, progress: 100, locked: 0, locked_reason: null, key_name: null,
        key_data: null, key_type: null, config_drive: '', user_data: null, root_device_name: null, access_ip_v4: null, access_ip_v6: null, reservation_id: 'r-1',
        launch_index: 0, auto_disk_config: 1, metadata: '{}', system_metadata: '{}', requested_networks: '[]', security_groups: '[]', trusted_certs: null,
        requested_zone: null, created_at: createdAt, updated_at: createdAt, launched_at: launchedAt, terminated_at: deletedAt ?? null,
        deleted: deletedAt === undefined ? 0 : 1, deleted_at: deletedAt ?? null,
      }).execute())
      if (deletedAt === undefined) {
        await api.transaction((tx) => tx.insertInto('instance_mappings').values({
          instance_uuid: uuid, cell: 'cell1', project_id: projectId, user_id: userId, vcpus: 2, memory_mb: 1024, queued_for_delete: 0, created_at: createdAt,
        }).execute())
      }
      return uuid
    },
  }
}

/** A compute host that placement knows, and that says it lives, but that nobody serves. */
export async function plantHost(plants: Garden, admin: Session, name: string, diskGiB: number): Promise<string> {
  const { serviceUuid, nodeUuid } = await plants.host(name)
  const headers = { 'openstack-api-version': 'placement 1.36' }
  must(await admin.call('placement', 'POST', '/resource_providers', { name, uuid: nodeUuid }, headers), 200)
  must(await admin.call('placement', 'PUT', `/resource_providers/${nodeUuid}/inventories`, {
    resource_provider_generation: 0, inventories: { VCPU: { total: 8 }, MEMORY_MB: { total: 100_000 }, DISK_GB: { total: diskGiB } },
  }, headers), 200)
  return serviceUuid
}
