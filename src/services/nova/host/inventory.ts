// What this host really has, for the auditor, and what it lets go at the auditor's word.
import type { CallContext, RequestContext } from '#core/context'
import type { RpcServer } from '#core/rpc'
import type { computeRpc } from '../contract/compute-rpc.ts'
import type { ComputeHost } from './host.ts'

const callOf = ({ signal, log }: RequestContext): CallContext => ({ signal, epoch: 0, log })

export function inventoryServer({ driver }: ComputeHost): Pick<RpcServer<typeof computeRpc>, 'inventory' | 'dropImages'> {
  return {
    async inventory(ctx) {
      const [guests, images] = [await driver.list(callOf(ctx)), await driver.cachedImages(callOf(ctx))]
      return {
        guests: guests.map(({ serverId, powerState, recorded, pid, volumeIds, portIds }) => ({
          serverId, powerState, recorded, ...(pid !== undefined && { plugged: { volumeIds: [...volumeIds], portIds: [...portIds] } }),
        })),
        images: [...images],
      }
    },
    async dropImages(ctx, { imageIds }) {
      const cached = (await driver.cachedImages(callOf(ctx))).map(({ imageId }) => imageId)
      await driver.trimImages(callOf(ctx), new Set(cached.filter((id) => !imageIds.includes(id))))
      return {}
    },
  }
}
