// A server as the parts of nova speak of it to each other over the bus: plain data, so that it can be recorded and sent.
import type { GroupPolicy } from './server-group.ts'

/** The flavor as it was when the server was made. */
export interface FlavorSnapshot {
  readonly id: string
  readonly name: string
  readonly vcpus: number
  readonly memoryMiB: number
  readonly rootGiB: number
  readonly ephemeralGiB: number
  readonly swapMiB: number
  readonly extraSpecs: Readonly<Record<string, string>>
}

/** A network or port as the request named it; what the API learned of the network while checking it goes along. */
export interface RequestedNetwork {
  readonly networkId: string
  readonly networkName: string
  readonly mtu: number
  readonly portId?: string
  readonly fixedIp?: string
  readonly tag?: string
}

export interface BlockDevice {
  readonly id: string
  readonly source: 'image' | 'volume' | 'snapshot' | 'blank'
  readonly destination: 'local' | 'volume'
  readonly bootIndex?: number
  readonly imageId?: string
  readonly snapshotId?: string
  readonly volumeId?: string
  readonly sizeGiB?: number
  /** Of swap space only. */
  readonly sizeMiB?: number
  readonly volumeType?: string
  readonly guestFormat?: string
  readonly bus?: string
  readonly deviceName?: string
  readonly tag?: string
  readonly deleteOnTermination: boolean
  readonly attachmentId?: string
  readonly connection?: unknown
  /** Nova made the volume. */
  readonly made: boolean
  /** Its detachment was accepted: it does not go with the server any more. */
  readonly detaching?: true
  /** The server was to have this volume, and its build failed. */
  readonly formerVolumeId?: string
}

/** A file that was given with the request, base64. */
export interface InjectedFile {
  readonly path: string
  readonly contents: string
}

export interface FixedAddress {
  readonly address: string
  readonly version: 4 | 6
  readonly subnetId: string
  readonly floating: readonly string[]
}

export interface ServerPort {
  readonly portId: string
  readonly networkId: string
  readonly networkName: string
  readonly macAddress: string
  readonly mtu: number
  readonly addresses: readonly FixedAddress[]
  readonly securityGroups: readonly string[]
  readonly tap: string
  readonly tag?: string
  /** It was given, not made by nova: it outlives the server. */
  readonly preserve: boolean
  readonly active: boolean
}

/** All that a host needs to know to build or restart a server. */
export interface ServerDescription {
  readonly serverId: string
  /** Counts the servers of the cell; absent while it is only planned. */
  readonly number?: number
  readonly name: string
  readonly hostname: string
  readonly projectId: string
  readonly userId: string
  readonly host: string | null
  readonly imageId: string
  readonly imageProperties: Readonly<Record<string, string>>
  readonly flavor: FlavorSnapshot
  readonly zone: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly key: { readonly name: string; readonly publicKey: string; readonly type: string } | null
  readonly userData: string | null
  readonly configDrive: boolean
  readonly launchIndex: number
  readonly reservationId: string
  readonly rootDeviceName: string | null
  readonly createdAt: string
  readonly vmState: string
  readonly powerState: number
  readonly requestedNetworks: readonly RequestedNetwork[]
  readonly securityGroups: readonly string[]
  readonly blockDevices: readonly BlockDevice[]
  readonly ports: readonly ServerPort[]
  readonly files?: readonly InjectedFile[]
  /** Volumes and ports that are being taken from it: a guest that is started now is started without them. */
  readonly leaving?: readonly string[]
  /** An operation that changes it is open. */
  readonly atWork?: true
}

/** What the scheduler is asked to place. */
export interface PlacementRequest {
  readonly serverId: string
  readonly projectId: string
  readonly userId: string
  readonly flavor: FlavorSnapshot
  readonly imageProperties: Readonly<Record<string, string>>
  /** GiB of the host's own disk. */
  readonly localDiskGiB: number
  readonly zone?: string
  readonly forcedHost?: string
  readonly forcedNode?: string
  /** The named host is not filtered: an admin ordered it. */
  readonly pastFilters?: boolean
  readonly ignoredHosts: readonly string[]
  /** The server group it is in, and where the others of it are. */
  readonly group?: PlacedGroup
  readonly hints?: SchedulerHints
  /** Where the servers are that the hints name, by id. */
  readonly neighbours?: Readonly<Record<string, string>>
  /** Under which placement knows the claim, and its end. */
  readonly claimKey?: string
}

/** What was asked of the place, for filters that heed it. */
export interface SchedulerHints {
  /** Servers: on the host of one of them; on the host of none of them. */
  readonly sameHost?: string[]
  readonly differentHost?: string[]
  /** On a host with an address in the network of this one, as wide as `/24` says. */
  readonly nearIp?: string
  readonly cidr?: string
  /** JSON: an operator and its operands, `["and", [">=", "$free_ram_mb", 1024]]`. */
  readonly query?: string
}

export interface PlacedGroup {
  readonly policy: GroupPolicy
  readonly maxServerPerHost: number
  /** Servers of the group by host. */
  readonly hosts: Readonly<Record<string, number>>
}

/** Which parts of a build there are for a server. */
export interface HostNeeds {
  readonly image: boolean
  readonly ports: boolean
  readonly volumes: boolean
}

export interface Destination {
  readonly host: string
  readonly node: string
  readonly providerId: string
  readonly zone: string
  /** How many hosts came in and were left after each filter, in order. */
  readonly considered: readonly { readonly filter: string; readonly left: number }[]
}
