// The volume role: does what the API side asks on one backend, and tells the others how full that is.
import { type CallContext, type Capabilities, neverAborted, type RequestContext } from '#core/context'
import type { Database } from '#core/db'
import { willPass } from '#core/errors'
import { type Bus, rpcClient, type RpcServer } from '#core/rpc'
import { ownContext } from '#core/service'
import { mark, type Recorder, traced } from '#core/trace'
import { rollCall, serviceEvents, volumeRpc } from '#contract/cinder'
import type { Settings } from '../config.ts'
import { attachmentsOf } from '../db/attachments.ts'
import type { CinderTables } from '../db/tables.ts'
import { findVolumeRow, moveVolume, updateVolume, volumesOn } from '../db/volumes.ts'
import type { VolumeDriver } from '../drivers/interface.ts'
import { BackendFailed, InvalidVolume, VolumeNotFound } from '../model/errors.ts'
import type { FetchImage } from './fetch-image.ts'
import { removeStray, settleExport, settleSize } from './settle.ts'
import { type Lease, VolumeTurns } from './turns.ts'

export interface VolumeRole extends Capabilities {
  readonly bus: Bus
  readonly trace: Recorder
  readonly database: Database<CinderTables>
  readonly settings: Settings
  readonly driver: VolumeDriver
  /** `host@backend`: where this role listens. */
  readonly backend: string
  readonly backendName: string
  readonly serviceId: string
  readonly fetchImage: FetchImage
}

/** Longer ago than this a report is late; it is sent sooner after each change. */
const reportSoonMilliseconds = 200

export function startVolumeRole(role: VolumeRole): { stop(): Promise<void> } {
  const turns = new VolumeTurns(role.database)
  const stopping = new AbortController()
  const events = rpcClient(role.bus, role, serviceEvents)
  let stopped = false
  let soon: { cancel(): void } | undefined

  const callOf = (ctx: RequestContext, lease: Lease): CallContext => ({ signal: stopping.signal, epoch: lease.epoch ?? 0, log: ctx.log })

  async function report(): Promise<void> {
    const ctx = ownContext(role, 'cinder')
    const stats = await role.driver.stats({ signal: stopping.signal, epoch: 0, log: role.log })
    const { capabilities } = poolOf(role, stats)
    await events.everyone().report(ctx, {
      binary: 'cinder-volume', host: role.backend, zone: role.settings.storage_availability_zone, at: role.clock.now().toISOString(),
      pools: [{ name: `${role.backend}#${role.backendName}`, capabilities }],
    })
  }
  const tryReport = (): void => {
    report().catch((error: unknown) => {
      if (!stopped) role.log.warn({ err: error, backend: role.backend }, 'the backend could not be reported')
    })
  }
  const reportSoon = (): void => {
    soon ??= role.clock.after(reportSoonMilliseconds, () => {
      soon = undefined
      if (!stopped) tryReport()
    })
  }
  let timer: { cancel(): void }
  const again = (): void => {
    timer = role.clock.after(role.settings.report_interval * 1000, () => {
      tryReport()
      if (!stopped) again()
    })
  }

  const server: RpcServer<typeof volumeRpc> = {
    async createVolume(ctx, { volumeId, image, ...lease }) {
      mark(role.trace, role.clock, ctx, 45)
      await turns.take(volumeId, lease, async () => {
        const row = await findVolumeRow(role.database.read, volumeId)
        if (!row) throw new VolumeNotFound(`Volume ${volumeId} could not be found.`)
        const volume = { volumeId, sizeGiB: row.size }
        const call = callOf(ctx, lease)
        if (image) {
          await role.database.transaction((tx) => moveVolume(tx, volumeId, 'download', { updated_at: role.clock.now().toISOString() }))
          await role.fetchImage(ctx, image, row.size, stopping.signal, async (file) => {
            await turns.admit(lease)
            await traced(role.trace, role.clock, ctx, 46, () => role.driver.createFromImage(call, volume, { path: file, format: image.format }))
          })
        } else {
          await traced(role.trace, role.clock, ctx, 46, () => role.driver.create(call, volume))
        }
        await traced(role.trace, role.clock, ctx, 47, () =>
          role.database.transaction((tx) => updateVolume(tx, volumeId, { service_uuid: role.serviceId, updated_at: role.clock.now().toISOString() })))
      })
      reportSoon()
      mark(role.trace, role.clock, ctx, 48)
      return null
    },
    async deleteVolume(ctx, { volumeId, ...lease }) {
      await turns.take(volumeId, lease, async () => {
        const call = callOf(ctx, lease)
        await role.driver.unexport(call, volumeId)
        await role.driver.remove(call, volumeId)
      })
      reportSoon()
      return null
    },
    async extendVolume(ctx, { volumeId, sizeGiB, inUse, ...lease }) {
      if (inUse && !role.driver.can.extendInUse) throw new InvalidVolume('Invalid volume: The backend cannot extend a volume in use.')
      await turns.take(volumeId, lease, () => role.driver.extend(callOf(ctx, lease), volumeId, sizeGiB))
      reportSoon()
      return null
    },
    async connect(ctx, { volumeId, readOnly, ...lease }) {
      return turns.take(volumeId, lease, async () => {
        try {
          return { ...(await role.driver.export(callOf(ctx, lease), volumeId, { readOnly })) }
        } catch (error) {
          ctx.log.error({ err: error, volume: volumeId }, 'a volume could not be exported')
          if (willPass(error)) throw error
          throw new BackendFailed('Unable to fetch connection information from backend.', {}, error)
        }
      })
    },
    async disconnect(ctx, { volumeId, ...lease }) {
      await turns.take(volumeId, lease, () => role.driver.unexport(callOf(ctx, lease), volumeId))
      return null
    },
    async inventory(ctx) {
      const { volumes, served, unfinished } = await role.driver.inventory(callOf(ctx, {}))
      return { volumes: [...volumes], served: [...served], unfinished: [...unfinished] }
    },
    settleExport: (ctx, { volumeId }) => turns.take(volumeId, {}, () => settleExport(role, callOf(ctx, {}), volumeId)),
    async settleSize(ctx, { volumeId }) {
      const settled = await turns.take(volumeId, {}, () => settleSize(role, callOf(ctx, {}), volumeId))
      reportSoon()
      return settled
    },
    async removeStray(ctx, { volumeId, onlyUnfinished }) {
      await turns.take(volumeId, {}, () => removeStray(role, callOf(ctx, {}), volumeId, onlyUnfinished))
      reportSoon()
      return null
    },
  }

  const serving = role.bus.serve(volumeRpc, role.backend, server)
  const called = role.bus.serve(rollCall, role.backend, { async reportNow() { tryReport() } })
  tryReport()
  again()
  return {
    async stop() {
      stopped = true
      serving.close()
      called.close()
      timer.cancel()
      soon?.cancel()
      stopping.abort(new BackendFailed('The volume service stops.'))
      await role.driver.close()
    },
  }
}

function poolOf({ driver, settings, backendName, clock }: VolumeRole, stats: Awaited<ReturnType<VolumeDriver['stats']>>): { capabilities: Record<string, unknown> } {
  return {
    capabilities: {
      volume_backend_name: backendName, vendor_name: 'Nimbo', driver_version: '1.0', storage_protocol: 'nbd', backend_state: 'up',
      total_capacity_gb: stats.totalGiB, free_capacity_gb: stats.freeGiB, provisioned_capacity_gb: stats.provisionedGiB, allocated_capacity_gb: stats.provisionedGiB,
      max_over_subscription_ratio: settings.max_over_subscription_ratio,
      reserved_percentage: settings.reserved_percentage, thin_provisioning_support: driver.can.thinProvisioning, thick_provisioning_support: !driver.can.thinProvisioning,
      multiattach: driver.can.multiattach, online_extend_support: driver.can.extendInUse, QoS_support: false, pool_name: backendName,
      filter_function: null, goodness_function: null, timestamp: clock.now().toISOString().slice(0, -1),
    },
  }
}

/** At the start: what should be exported is, and what no attachment uses is not any more. */
export async function reconcile(role: Pick<VolumeRole, 'database' | 'driver' | 'log'>): Promise<void> {
  const call: CallContext = { signal: neverAborted, epoch: 0, log: role.log }
  for (const volumeId of await role.driver.ensure(call)) {
    const row = await findVolumeRow(role.database.read, volumeId)
    const used = row !== undefined && (row.status === 'attaching' || row.status === 'detaching' ||
      (await attachmentsOf(role.database.read, [volumeId])).some((attachment) => attachment.connectionInfo !== null || attachment.status === 'attaching'))
    if (used) continue
    role.log.warn({ volume: volumeId }, 'an export that nobody uses is taken back')
    await role.driver.unexport(call, volumeId)
  }
}

/** The fake backend forgets with its process: give it back what the rows say it holds. */
export async function remind(role: Pick<VolumeRole, 'database' | 'driver' | 'log' | 'backend'>): Promise<void> {
  const call: CallContext = { signal: neverAborted, epoch: 0, log: role.log }
  for (const row of await volumesOn(role.database.read, role.backend)) {
    if (['creating', 'downloading', 'deleting', 'error'].includes(row.status)) continue
    await role.driver.create(call, { volumeId: row.id, sizeGiB: row.size })
    const uses = await attachmentsOf(role.database.read, [row.id])
    const use = uses.find((attachment) => attachment.connectionInfo !== null)
    if (use) await role.driver.export(call, row.id, { readOnly: use.mode === 'ro' })
  }
}
