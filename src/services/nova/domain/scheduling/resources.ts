// What a flavor asks of placement: resource classes with amounts, and traits (nova/scheduler/utils.py).
import type { PlacementRequest } from '../../model/server.ts'

export interface Demand {
  readonly resources: Readonly<Record<string, number>>
  readonly required: readonly string[]
}

export function demandOf({ flavor, localDiskGiB }: Pick<PlacementRequest, 'flavor' | 'localDiskGiB'>): Demand {
  const resources: Record<string, number> = { VCPU: flavor.vcpus, MEMORY_MB: flavor.memoryMiB, DISK_GB: localDiskGiB }
  const required: string[] = []
  for (const [key, value] of Object.entries(flavor.extraSpecs)) {
    const [scope, name] = key.split(/:(.+)/)
    if (scope === 'resources' && name !== undefined && /^\d+$/.test(value)) resources[name] = Number(value)
    if (scope === 'trait' && name !== undefined && value === 'required') required.push(name)
    if (scope === 'trait' && name !== undefined && value === 'forbidden') required.push(`!${name}`)
  }
  return { resources: Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0)), required: required.sort() }
}

/** The disk that a host itself gives: root unless on a volume, ephemeral, swap. */
export function localDisk(flavor: PlacementRequest['flavor'], rootOnVolume: boolean): number {
  return (rootOnVolume ? 0 : flavor.rootGiB) + flavor.ephemeralGiB + Math.ceil(flavor.swapMiB / 1024)
}
