// What nova's compute role asks of a hypervisor. Everything is idempotent by the server's UUID: a repeated call finds the
// work done, or goes on where a killed one stopped. Specs are plain data, so they can be recorded and sent.
import type { CallContext } from '#core/context'
import { errorClass } from '#core/errors'
import type { FileSystem } from '../model/block-devices.ts'
import type { HostUptime } from '../model/uptime.ts'

export interface HypervisorDriver {
  readonly name: string
  readonly can: Readonly<HypervisorCapabilities>

  /** Find again the guests of an earlier run and watch them. Call once, before anything else. */
  open(call: CallContext): Promise<void>
  /** Let go of all guests; they go on running. */
  close(): Promise<void>

  /**
   * Bring an image into the host's cache. `source` is asked for only when the cache lacks it; the content is checked
   * against size, hash and format before it is used. @throws UnusableImage
   */
  prepareImage(call: CallContext, image: ImageRequest, source: ImageSource): Promise<PreparedImage>
  /** What is in the cache, and whether a guest of this host stands on it. */
  cachedImages(call: CallContext): Promise<readonly CachedImage[]>
  /** Forget cached images that no guest stands on, except those named. */
  trimImages(call: CallContext, keep: ReadonlySet<string>): Promise<void>

  /** Make the disks and start the guest. For a guest that runs already, nothing is done. @throws SpawnFailed */
  spawn(call: CallContext, spec: GuestSpec): Promise<void>
  /** Stop the guest and remove all that it had on this host. Also succeeds when nothing is there. */
  destroy(call: CallContext, serverId: string): Promise<void>
  /** Ask the guest to shut down, and pull the plug when it has not after `timeoutSeconds` (0: at once). */
  powerOff(call: CallContext, serverId: string, timeoutSeconds: number): Promise<void>
  /** Start a guest that was spawned before. With `spec` its record is replaced first. @throws GuestUnknown */
  powerOn(call: CallContext, serverId: string, spec?: GuestSpec): Promise<void>
  /** soft: the guest restarts itself, hard after `timeoutSeconds`; hard: a new process from the record (or `spec`). */
  reboot(call: CallContext, serverId: string, how: RebootRequest): Promise<void>
  pause(call: CallContext, serverId: string): Promise<void>
  unpause(call: CallContext, serverId: string): Promise<void>

  /** Plug a volume in, live when the guest runs, and keep it in the guest's record. @throws GuestUnknown */
  attachVolume(call: CallContext, serverId: string, volume: VolumeDisk): Promise<void>
  /** Unplug it; returns when the guest has let go. @throws DeviceRefused when it never does */
  detachVolume(call: CallContext, serverId: string, volumeId: string): Promise<void>
  /**
   * The volume has grown to so many bytes where it is kept: show that to a guest that runs; one that is off sees it when it
   * starts. A volume that the guest does not have is passed over. @throws GuestUnknown, DeviceRefused
   */
  extendVolume(call: CallContext, serverId: string, volumeId: string, sizeBytes: number): Promise<void>
  attachInterface(call: CallContext, serverId: string, port: GuestPort): Promise<void>
  detachInterface(call: CallContext, serverId: string, portId: string): Promise<void>

  /** The last `lines` lines of the serial console; all that is kept when absent. */
  consoleOutput(call: CallContext, serverId: string, lines?: number): Promise<string>
  /** Where a proxy reaches the guest's display or serial line. @throws GuestUnknown, ConsoleUnavailable */
  consoleEndpoint(call: CallContext, serverId: string, kind: ConsoleKind): Promise<ConsoleEndpoint>
  powerState(call: CallContext, serverId: string): Promise<PowerState>
  /** Every guest that this host has, running or not, with what is attached. */
  list(call: CallContext): Promise<readonly FoundGuest[]>
  resources(call: CallContext): Promise<HostResources>
  uptime(call: CallContext): Promise<HostUptime>

  /** Hear what guests do on their own. Returns the way to stop listening. */
  watch(listener: (event: GuestEvent) => void): () => void
}

export interface HypervisorCapabilities {
  /** As reported for the host: `QEMU`, `fake`. */
  readonly hypervisorType: string
  readonly hypervisorVersion: number
  readonly acceleration: 'kvm' | 'tcg' | 'none'
  readonly cpuArchitecture: 'x86_64'
  readonly machineTypes: readonly string[]
  readonly diskBuses: readonly DiskBus[]
  readonly networkModels: readonly NetworkModel[]
  readonly diskFormats: readonly ImageFormat[]
  readonly consoles: readonly ConsoleKind[]
}

export type ImageFormat = 'raw' | 'qcow2'
export type DiskBus = 'virtio' | 'scsi' | 'ide'
export type NetworkModel = 'virtio' | 'e1000' | 'e1000e' | 'rtl8139' | 'ne2k_pci' | 'pcnet' | 'vmxnet3'
export type ConsoleKind = 'vnc' | 'serial'
export type ConsoleEndpoint = { readonly kind: ConsoleKind; readonly socketPath: string }
export type PowerState = 'running' | 'paused' | 'shutdown' | 'crashed' | 'absent'

export interface ImageRequest {
  /** The image's UUID. */
  readonly imageId: string
  readonly format: ImageFormat
  readonly sizeBytes: number
  /** glance's os_hash_algo and os_hash_value. */
  readonly hash: { readonly algorithm: string; readonly value: string }
}
export type ImageSource = (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>
export interface CachedImage {
  readonly imageId: string
  readonly used: boolean
}

export interface PreparedImage {
  readonly imageId: string
  readonly virtualSizeBytes: number
  readonly fromCache: boolean
}

/** One guest: all that is needed to start it, now and after any stop. */
export interface GuestSpec {
  readonly serverId: string
  /** For people; never used as an identifier. */
  readonly name: string
  readonly vcpus: number
  readonly ramMiB: number
  readonly machine?: GuestMachine
  readonly disks: readonly GuestDisk[]
  readonly ports: readonly GuestPort[]
  /** Path → content of a config drive (label config-2); none when absent. Content is base64. */
  readonly configDrive?: Readonly<Record<string, string>>
  /** Where the ports' taps are; the host's own namespace when absent. */
  readonly netns?: string
}

/** From image properties and flavor extra specs. */
export interface GuestMachine {
  /** hw_machine_type */
  readonly type?: 'pc' | 'q35'
  /** A QEMU CPU model; the best that the accelerator offers when absent. */
  readonly cpuModel?: string
  /** hw_rng_model / hw_rng:allowed; true when absent. */
  readonly randomDevice?: boolean
}

interface DiskPlace {
  /** 0 is tried first; none for data disks. */
  readonly bootIndex?: number
  readonly bus: DiskBus
  /** What the guest sees in /sys/block/.../serial; at most 20 characters count. */
  readonly serial: string
}
/** A copy-on-write overlay on a prepared image. */
export type ImageDisk = DiskPlace & { readonly kind: 'image'; readonly imageId: string; readonly sizeGiB: number }
/** An empty disk: ephemeral, with a file system of the disk's label, or swap space. */
export type BlankDisk = DiskPlace & { readonly kind: 'blank'; readonly label: string; readonly sizeMiB: number; readonly format: FileSystem | 'swap' }
export type VolumeDisk = DiskPlace & {
  readonly kind: 'volume'
  readonly volumeId: string
  readonly connection: VolumeConnection
  readonly readOnly?: boolean
}
export type GuestDisk = ImageDisk | BlankDisk | VolumeDisk

/** As cinder's connection info says it. */
export type VolumeConnection = {
  readonly driver_volume_type: 'nbd'
  readonly data: { readonly socket: string; readonly export: string; readonly access_mode?: 'rw' | 'ro' }
}

export interface GuestPort {
  readonly portId: string
  /** The tap device, made before. */
  readonly tap: string
  readonly macAddress: string
  readonly mtu: number
  readonly model?: NetworkModel
}

export type RebootRequest =
  | { readonly kind: 'soft'; readonly timeoutSeconds: number }
  | { readonly kind: 'hard'; readonly spec?: GuestSpec }

export interface FoundGuest {
  readonly serverId: string
  readonly powerState: PowerState
  /** Process id of a running guest that answers. */
  readonly pid?: number
  /** Volumes that are plugged in now; those of the record when the guest does not run, or does not answer. */
  readonly volumeIds: readonly string[]
  readonly portIds: readonly string[]
  /** False for a running guest of which there is no record here. */
  readonly recorded: boolean
}

export interface HostResources {
  readonly vcpus: number
  readonly ramMiB: number
  readonly ramFreeMiB: number
  readonly diskGiB: number
  readonly diskFreeGiB: number
  readonly cpuModel: string
  readonly runningGuests: number
}

export type GuestEvent =
  /** The guest shut itself down. */
  | { readonly kind: 'stopped'; readonly serverId: string }
  /** It started or was restarted by itself. */
  | { readonly kind: 'rebooted'; readonly serverId: string }
  | { readonly kind: 'paused'; readonly serverId: string }
  | { readonly kind: 'resumed'; readonly serverId: string }
  /** Its process ended without being asked to. */
  | { readonly kind: 'gone'; readonly serverId: string; readonly reason: string }

/** The image's content is not what its record says, or must not be opened. */
export const UnusableImage = errorClass('UnusableImage', 400, 'compute.unusable_image')
/** The guest could not be started; its cause has the hypervisor's words, which are not for the server's owner. */
export const SpawnFailed = errorClass('SpawnFailed', 500, 'compute.spawn_failed')
/** This host has no record of the guest. */
export const GuestUnknown = errorClass('GuestUnknown', 404, 'compute.guest_unknown')
/** The guest did not let go of a device, or cannot take it while it runs. */
export const DeviceRefused = errorClass('DeviceRefused', 409, 'compute.device_refused')
export const ConsoleUnavailable = errorClass('ConsoleUnavailable', 409, 'compute.console_unavailable')
