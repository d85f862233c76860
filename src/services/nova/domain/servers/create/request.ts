// A request for servers as the domain works with it: what the wire says in many ways, said in one.

import type { InjectedFile, SchedulerHints } from '../../../model/server.ts'

export interface WantedDevice {
  readonly source: 'image' | 'volume' | 'snapshot' | 'blank'
  readonly destination: 'local' | 'volume'
  readonly id?: string
  readonly bootIndex?: number
  readonly sizeGiB?: number
  /** Of swap space only. */
  readonly sizeMiB?: number
  readonly volumeType?: string
  readonly guestFormat?: string
  readonly deviceType?: string
  readonly bus?: string
  readonly deviceName?: string
  readonly tag?: string
  readonly deleteOnTermination: boolean
}

export interface WantedNetwork {
  readonly networkId?: string
  readonly portId?: string
  readonly fixedIp?: string
  readonly tag?: string
}

export interface NewServers {
  readonly name: string
  readonly description: string | null
  readonly hostname?: string
  readonly imageId: string
  readonly flavorId: string
  /** `default`: nothing was said of networks. */
  readonly networks: readonly WantedNetwork[] | 'auto' | 'none' | 'default'
  readonly devices: readonly WantedDevice[]
  readonly userData: string | null
  readonly keyName?: string
  /** Names or ids. */
  readonly securityGroups: readonly string[]
  readonly zone?: string
  readonly forcedHost?: string
  readonly forcedNode?: string
  /** Host and node were named as a wish (2.74), which the filters still judge, not as an order. */
  readonly wished?: true
  /** The server group that they join. */
  readonly groupId?: string
  readonly hints?: SchedulerHints
  readonly minCount: number
  readonly maxCount: number
  readonly configDrive: boolean
  readonly metadata: Readonly<Record<string, string>>
  readonly files: readonly InjectedFile[]
  readonly tags: readonly string[]
  readonly autoDiskConfig: boolean
  readonly accessIpV4?: string
  readonly accessIpV6?: string
  readonly trustedCertificates?: readonly string[]
}
