// What cinder asks of nova: whether a server still uses a volume.
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { asService } from '#core/service'
import { defineRoutes, Type } from '#core/spec'
import type { Cinder } from './cinder.ts'

/** The one route of nova's that cinder needs. */
const serverVolumes = defineRoutes('nova', {
  showVolumeAttachment: {
    method: 'GET', path: '/servers/:serverId/os-volume_attachments/:volumeId', policy: 'os_compute_api:os-volumes-attachments:show',
    summary: 'One volume of a server.', reply: { 200: Type.Object({ volumeAttachment: Type.Object({ attachment_id: Type.Optional(Type.Union([Type.String(), Type.Null()])) }) }) }, faults: [404],
  },
})

/** Whoever asks. Nova does not know the attachment before its own step has ended, and it may be in use by then: where it does not say, the answer is yes, the safe one. */
export async function usedByServer(cinder: Cinder, ctx: RequestContext, serverId: string, volumeId: string, attachmentId: string): Promise<boolean> {
  try {
    const nova = client(serverVolumes, cinder.services.nova, { ...(await asService(cinder, ctx)), version: '2.89' })
    const { body } = await nova.showVolumeAttachment({ params: { serverId, volumeId } })
    const used = body.volumeAttachment.attachment_id
    return used === undefined || used === null || used === attachmentId
  } catch (error) {
    if (error instanceof AppError && error.status === 404) return false
    cinder.log.warn({ err: error, requestId: ctx.requestId, server: serverId }, 'nova did not say whether it uses a volume')
    return true
  }
}
