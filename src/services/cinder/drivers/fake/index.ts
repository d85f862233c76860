// A whole volume backend in memory. Its world outlives the driver, as files outlive a process.
import type { CallContext, Capabilities } from '#core/context'
import {
  BackendFull, BackendUnavailable, ImageTooLarge, VolumeAbsent, VolumeBusy, VolumeDiffers, type BackendInventory, type BackendStats, type ConnectionInfo, type FoundVolume, type ImageFile,
  type VolumeDriver, type VolumeSpec,
} from '../interface.ts'

export interface FakeVolumeOptions {
  readonly capabilities: Pick<Capabilities, 'clock'>
  /** What exists on the backend: give the same world to the next driver to test a restart. */
  readonly world?: FakeVolumeWorld
  readonly totalGiB?: number
  /** Virtual size of images, by path; 1 GiB when not told. */
  readonly imageGiB?: (path: string) => number
  /** Called before each method takes effect: wait in it, or throw, to play a slow or failing backend. */
  readonly before?: (method: keyof VolumeDriver, volumeId: string | undefined) => Promise<void> | void
  /** Asked after the effect: true when it happens once more before it is answered. */
  readonly again?: (method: keyof VolumeDriver) => boolean
  /** Called after the effect, before the answer: throw to play an answer that was lost. */
  readonly after?: (method: keyof VolumeDriver, volumeId: string | undefined) => Promise<void> | void
}

interface FakeVolume {
  sizeGiB: number
  exported: { readOnly: boolean } | undefined
}
export class FakeVolumeWorld {
  readonly volumes = new Map<string, FakeVolume>()
  /** Exports that a test has dropped, while they are still promised. */
  readonly dropped = new Set<string>()
  /** What creations left that were interrupted. */
  readonly unfinished = new Set<string>()
  /** Why its daemon cannot be started, when a test says so. */
  trouble: string | undefined
}

export function create(options: FakeVolumeOptions): VolumeDriver {
  const world = options.world ?? new FakeVolumeWorld()
  const { volumes, dropped, unfinished } = world
  const totalGiB = options.totalGiB ?? 10_000
  const provisioned = () => [...volumes.values()].reduce((sum, volume) => sum + volume.sizeGiB, 0)

  async function does<T>(method: keyof VolumeDriver, call: CallContext, volumeId: string | undefined, effect: () => T): Promise<T> {
    await options.before?.(method, volumeId)
    call.signal.throwIfAborted()
    let result = effect()
    if (options.again?.(method)) result = effect()
    await options.after?.(method, volumeId)
    return result
  }
  function allocate({ volumeId, sizeGiB }: VolumeSpec): void {
    const known = volumes.get(volumeId)
    if (known !== undefined && known.sizeGiB !== sizeGiB) throw new VolumeDiffers('A volume of this id exists with another size.', { volumeId })
    if (known !== undefined) return
    if (provisioned() + sizeGiB > totalGiB) throw new BackendFull('The backend has no room left.')
    volumes.set(volumeId, { sizeGiB, exported: undefined })
  }
  function existing(volumeId: string): FakeVolume {
    const volume = volumes.get(volumeId)
    if (volume === undefined) throw new VolumeAbsent('The volume is not on this backend.', { volumeId })
    return volume
  }
  function found(): FoundVolume[] {
    return [...volumes].map(([volumeId, { sizeGiB, exported }]) => ({ volumeId, sizeGiB, exported: exported !== undefined })).sort((a, b) => (a.volumeId < b.volumeId ? -1 : 1))
  }
  function refuseExported(volumeId: string): void {
    if (volumes.get(volumeId)?.exported !== undefined) throw new VolumeBusy('The volume is in use.', { volumeId })
  }

  return {
    name: 'fake',
    can: { extendInUse: false, multiattach: false, thinProvisioning: false },
    open: (call) => does('open', call, undefined, () => {
      if (world.trouble !== undefined) throw new BackendUnavailable(world.trouble)
    }),
    close: async () => {},
    create: (call, volume) => does('create', call, volume.volumeId, () => allocate(volume)),
    createFromImage: (call, volume, image: ImageFile) => does('createFromImage', call, volume.volumeId, () => {
      const needed = options.imageGiB?.(image.path) ?? 1
      if (needed > volume.sizeGiB) throw new ImageTooLarge(`The image needs ${needed} GiB; the volume has ${volume.sizeGiB} GiB.`)
      allocate(volume)
    }),
    remove: (call, volumeId) => does('remove', call, volumeId, () => {
      refuseExported(volumeId)
      volumes.delete(volumeId)
    }),
    extend: (call, volumeId, sizeGiB) => does('extend', call, volumeId, () => {
      const volume = existing(volumeId)
      refuseExported(volumeId)
      volume.sizeGiB = Math.max(volume.sizeGiB, sizeGiB)
    }),
    export: (call, volumeId, { readOnly }) => does('export', call, volumeId, (): ConnectionInfo => {
      existing(volumeId).exported = { readOnly }
      dropped.delete(volumeId)
      return { driver_volume_type: 'nbd', data: { socket: '/nonexistent/fake-volumes', export: volumeId, access_mode: readOnly ? 'ro' : 'rw' } }
    }),
    unexport: (call, volumeId) => does('unexport', call, volumeId, () => {
      const volume = volumes.get(volumeId)
      if (volume !== undefined) volume.exported = undefined
      dropped.delete(volumeId)
    }),
    inventory: (call) => does('inventory', call, undefined, (): BackendInventory => ({
      volumes: found(), unfinished: [...unfinished].sort(),
      served: found().flatMap(({ volumeId, exported }) => (exported && !dropped.has(volumeId) ? [volumeId] : [])),
    })),
    discardUnfinished: (call, volumeId) => does('discardUnfinished', call, volumeId, () => void unfinished.delete(volumeId)),
    ensure: (call) => does('ensure', call, undefined, () => [...volumes].filter(([, volume]) => volume.exported !== undefined).map(([id]) => id).sort()),
    list: (call) => does('list', call, undefined, found),
    stats: (call) => does('stats', call, undefined, (): BackendStats => ({ totalGiB, freeGiB: totalGiB - provisioned(), provisionedGiB: provisioned() })),
  }
}
