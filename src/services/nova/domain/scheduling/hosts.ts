// A host as filters and weighers see it.

export interface HostState {
  readonly host: string
  readonly node: string
  readonly providerId: string
  readonly zone: string
  readonly aggregates: readonly { readonly name: string; readonly metadata: Readonly<Record<string, string>> }[]
  readonly enabled: boolean
  readonly up: boolean
  readonly hostIp: string
  /** By name: `hypervisor_type`, `cpu_info:arch` …, for flavors that ask for them. */
  readonly capabilities: Readonly<Record<string, string>>
  readonly servers: number
  /** Servers on which something is being done. */
  readonly tasks: number
  /** As the host reported it last. */
  readonly reported: { readonly vcpus: number; readonly ramMiB: number; readonly freeRamMiB: number; readonly diskGiB: number; readonly freeDiskGiB: number }
}

/** What is left on a host of what it has to give, as placement says. */
export interface Room {
  readonly vcpus: number
  readonly ramMiB: number
  readonly diskGiB: number
}
