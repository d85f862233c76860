// What cinder's volume role asks of a backend. Idempotent by the volume's id: a repeated call finds the work done.
import type { CallContext } from '#core/context'
import { errorClass } from '#core/errors'

export interface VolumeDriver {
  readonly name: string
  readonly can: Readonly<VolumeCapabilities>

  /**
   * Find again what an earlier run exported, and make sure that it is still served. Call once, before anything else; the
   * call lasts as long as the driver is used, since exports are brought back under it whenever the daemon ends.
   */
  open(call: CallContext): Promise<void>
  /** Let go; what is exported stays so. */
  close(): Promise<void>

  /** Allocate `volume.sizeGiB`. Repeating it for the same id changes nothing. @throws BackendFull, VolumeDiffers */
  create(call: CallContext, volume: VolumeSpec): Promise<void>
  /**
   * Allocate and fill from an image file that was inspected before. A repeat begins anew unless the volume was finished.
   * @throws BackendFull, ImageTooLarge, ImageUnusable
   */
  createFromImage(call: CallContext, volume: VolumeSpec, image: ImageFile): Promise<void>
  /** Free the volume; also succeeds when it is already gone. @throws VolumeBusy while exported */
  remove(call: CallContext, volumeId: string): Promise<void>
  /** Grow it; a volume that is as large already is left alone. @throws VolumeBusy while exported, unless `can.extendInUse` */
  extend(call: CallContext, volumeId: string, sizeGiB: number): Promise<void>

  /** Make it reachable for hypervisors of this host until `unexport`, also over restarts of the backend's daemon. @throws VolumeAbsent */
  export(call: CallContext, volumeId: string, how: { readonly readOnly: boolean }): Promise<ConnectionInfo>
  /** Also succeeds when it is not exported. A connected guest loses its disk. */
  unexport(call: CallContext, volumeId: string): Promise<void>
  /** Bring back what should be exported and is not. @returns ids of the exported volumes */
  ensure(call: CallContext): Promise<readonly string[]>

  /** What the backend really has and serves, for comparison with what should be. */
  inventory(call: CallContext): Promise<BackendInventory>
  /** Remove what an interrupted creation left; a finished volume stays. */
  discardUnfinished(call: CallContext, volumeId: string): Promise<void>
  /** All volumes found on the backend. */
  list(call: CallContext): Promise<readonly FoundVolume[]>
  stats(call: CallContext): Promise<BackendStats>
}

export interface VolumeCapabilities {
  readonly extendInUse: boolean
  readonly multiattach: boolean
  readonly thinProvisioning: boolean
}

export interface VolumeSpec {
  readonly volumeId: string
  readonly sizeGiB: number
}

/** A local file whose format is known, never guessed. */
export interface ImageFile {
  readonly path: string
  readonly format: 'raw' | 'qcow2'
}

/** What nova is told, in the form of cinder's attachment API. */
export interface ConnectionInfo {
  readonly driver_volume_type: 'nbd'
  readonly data: {
    readonly socket: string
    readonly export: string
    readonly access_mode: 'rw' | 'ro'
  }
}

export interface FoundVolume {
  readonly volumeId: string
  /** Not rounded. */
  readonly sizeGiB: number
  readonly exported: boolean
}

export interface BackendInventory {
  readonly volumes: readonly FoundVolume[]
  /** Volumes that hypervisors reach at this moment, whatever was promised. */
  readonly served: readonly string[]
  /** Volumes that were begun and not finished. */
  readonly unfinished: readonly string[]
}

export interface BackendStats {
  readonly totalGiB: number
  readonly freeGiB: number
  /** Sum of the volumes' sizes; thin ones use less. */
  readonly provisionedGiB: number
}

/** The backend has no room for it. */
export const BackendFull = errorClass('BackendFull', 507, 'volume.backend_full')
/** The volume is exported; that must end first. */
export const VolumeBusy = errorClass('VolumeBusy', 409, 'volume.busy')
export const VolumeAbsent = errorClass('VolumeAbsent', 404, 'volume.absent')
/** The image does not fit into the volume. */
export const ImageTooLarge = errorClass('ImageTooLarge', 400, 'volume.image_too_large')
export const ImageUnusable = errorClass('ImageUnusable', 400, 'volume.image_unusable')
/** The same id was made before with another size. */
export const VolumeDiffers = errorClass('VolumeDiffers', 409, 'volume.differs')
/** The backend's daemon does not answer. */
export const BackendUnavailable = errorClass('BackendUnavailable', 503, 'volume.backend_unavailable')
