// Handlers of attachments.
import { BadRequest } from '#core/errors'
import type { HandlerInput, Handlers } from '#core/http'
import type { RouteSpec } from '#core/spec'
import { mark, markTokenCheck } from '#core/trace'
import type { attachmentRoutes } from '../contract/attachments.ts'
import { type AttachmentFilter, attachmentSortColumns } from '../db/attachments.ts'
import { completeAttachment } from '../domain/attachments/complete.ts'
import { connect, connectOnce } from '../domain/attachments/connect.ts'
import { checkChangeAllowed, disconnect } from '../domain/attachments/disconnect.ts'
import { attachmentFor, listAttachments } from '../domain/attachments/find.ts'
import { reserve } from '../domain/attachments/reserve.ts'
import { authorize, type Cinder, isAdmin } from '../domain/cinder.ts'
import { volumeFor } from '../domain/volumes/find.ts'
import type { Attachment, Connector } from '../model/attachment.ts'
import { viewAttachment, viewAttachmentSummary } from './views/attachments.ts'
import { filtersOf, keepFilters, pageOf, type Query } from './lists.ts'

const sortable = Object.keys(attachmentSortColumns)
const ofUsers = ['volume_id', 'status', 'instance_id', 'attach_status']

export function attachmentHandlers(cinder: Cinder): Handlers<typeof attachmentRoutes> {
  async function page({ ctx, version, query }: Pick<HandlerInput<RouteSpec>, 'ctx' | 'version'> & { query: Query }): Promise<Attachment[]> {
    const { page, offset } = pageOf(query, sortable, cinder.settings.osapi_max_limit)
    const filters = filtersOf(query)
    keepFilters(filters, ofUsers, { admin: isAdmin(ctx), refuses: version.atLeast('3.31') })
    const all = isAdmin(ctx) && filters.has('all_tenants')
    const [volumeId, serverId, status] = [filters.get('volume_id'), filters.get('instance_id'), filters.get('attach_status') ?? filters.get('status')]
    const filter: AttachmentFilter = {
      ...(!all && { projectId: ctx.identity.projectId ?? '' }), ...(volumeId !== undefined && { volumeId }),
      ...(serverId !== undefined && { serverId }), ...(status !== undefined && { status }),
    }
    return listAttachments(cinder, filter, page, offset)
  }

  return {
    async createAttachment({ ctx, body }) {
      const { volume_uuid: volumeId, instance_uuid: serverId, connector, ...rest } = body.attachment
      const mode = 'mode' in rest ? rest.mode : undefined
      const volume = await volumeFor(cinder, ctx, dashed(volumeId), 'volume:attachment_create')
      // The volume that a boot makes has brought this step with it.
      if (volume.traceId === null || volume.traceId !== ctx.traceId) markTokenCheck(cinder.trace, ctx, 40)
      const attachment = await reserve(cinder, ctx, volume, { serverId: serverId === undefined ? null : dashed(serverId), ...(mode && { mode }) })
      if (!connector || attachment.connectionInfo !== null) return { status: 200, body: { attachment: viewAttachment(attachment) } }
      const connected = await connectOnce(cinder, ctx, authorize(cinder, ctx, 'volume:attachment_create', attachment), connectorOf(connector))
      mark(cinder.trace, cinder.clock, ctx, 50)
      return { status: 200, body: { attachment: viewAttachment(connected) } }
    },
    async listAttachments(input) {
      return { status: 200, body: { attachments: (await page(input)).map(viewAttachmentSummary) } }
    },
    async listAttachmentsDetail(input) {
      return { status: 200, body: { attachments: (await page(input)).map(viewAttachment) } }
    },
    async showAttachment({ ctx, params }) {
      return { status: 200, body: { attachment: viewAttachment(await attachmentFor(cinder, ctx, params.id)) } }
    },
    async updateAttachment({ ctx, params, body }) {
      const { connector } = body.attachment
      if (Object.keys(connector).length === 0) throw new BadRequest('Invalid input for field/attribute connector. Value: {}. It does not have enough properties')
      const attachment = authorize(cinder, ctx, 'volume:attachment_update', await attachmentFor(cinder, ctx, params.id))
      await checkChangeAllowed(cinder, ctx, attachment)
      const connected = await connect(cinder, ctx, attachment, connectorOf(connector))
      mark(cinder.trace, cinder.clock, ctx, 50)
      return { status: 200, body: { attachment: viewAttachment(connected) } }
    },
    async deleteAttachment({ ctx, params }) {
      const attachment = authorize(cinder, ctx, 'volume:attachment_delete', await attachmentFor(cinder, ctx, params.id))
      await checkChangeAllowed(cinder, ctx, attachment)
      const others = await disconnect(cinder, ctx, attachment)
      return { status: 200, body: { attachments: others.map(viewAttachmentSummary) } }
    },
    async completeAttachment({ ctx, params }) {
      const attachment = authorize(cinder, ctx, 'volume:attachment_complete', await attachmentFor(cinder, ctx, params.id))
      await completeAttachment(cinder, attachment)
      return { status: 204 }
    },
  }
}

/** Ids are written with dashes, however they came. */
export function dashed(id: string): string {
  const bare = id.replaceAll('-', '').toLowerCase()
  return `${bare.slice(0, 8)}-${bare.slice(8, 12)}-${bare.slice(12, 16)}-${bare.slice(16, 20)}-${bare.slice(20)}`
}

/** Without the keys that say nothing. */
export function connectorOf(given: Readonly<Record<string, unknown>>): Connector {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined)) as Connector
}
