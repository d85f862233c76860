// A backend without storage: volumes are numbers in memory.
import type { BackendStats, ConnectionInfo, FoundVolume, VolumeDriver } from '../drivers/interface.ts'

export function memoryDriver(): VolumeDriver {
  const volumes = new Map<string, { sizeGiB: number; exported: boolean }>()
  const totalGiB = 1_000_000
  const used = () => [...volumes.values()].reduce((sum, { sizeGiB }) => sum + sizeGiB, 0)
  const put = (volumeId: string, sizeGiB: number) => {
    if (!volumes.has(volumeId)) volumes.set(volumeId, { sizeGiB, exported: false })
  }
  return {
    name: 'fake', can: { extendInUse: true, multiattach: true, thinProvisioning: true },
    async open() {}, async close() {},
    async create(_call, { volumeId, sizeGiB }) { put(volumeId, sizeGiB) },
    async createFromImage(_call, { volumeId, sizeGiB }) { put(volumeId, sizeGiB) },
    async remove(_call, volumeId) { volumes.delete(volumeId) },
    async extend(_call, volumeId, sizeGiB) {
      const known = volumes.get(volumeId)
      if (known && known.sizeGiB < sizeGiB) known.sizeGiB = sizeGiB
    },
    async export(_call, volumeId, { readOnly }): Promise<ConnectionInfo> {
      put(volumeId, 1)
      volumes.get(volumeId)!.exported = true
      return { driver_volume_type: 'nbd', data: { socket: '/nonexistent', export: volumeId, access_mode: readOnly ? 'ro' : 'rw' } }
    },
    async unexport(_call, volumeId) {
      const known = volumes.get(volumeId)
      if (known) known.exported = false
    },
    async ensure() { return [...volumes].filter(([, { exported }]) => exported).map(([id]) => id) },
    async list(): Promise<readonly FoundVolume[]> { return [...volumes].map(([volumeId, rest]) => ({ volumeId, ...rest })) },
    async stats(): Promise<BackendStats> { return { totalGiB, freeGiB: totalGiB - used(), provisionedGiB: used() } },
  }
}
