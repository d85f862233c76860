// What nova asks of cinder: volumes made for servers, and attachments that connect them to a host.
import { type Attachment, attachmentRoutes, type Volume, volumeRoutes, volumeTypeRoutes } from '#contract/cinder'
import { type Caller, client } from '#core/client'
import type { RequestContext } from '#core/context'
import { asService, onBehalfOf, type Runtime } from '#core/service'
import { unlessAbsent } from './absent.ts'

type Access = Pick<Runtime, 'credentials' | 'services'>

const version = '3.70'
const pageOfAttachments = 500

export interface VolumeView {
  readonly id: string
  readonly status: string
  readonly sizeGiB: number
  readonly bootable: boolean
  readonly multiattach: boolean
  readonly zone: string
  readonly imageProperties: Readonly<Record<string, string>>
}

const toView = (row: Volume): VolumeView => ({
  id: row.id, status: row.status, sizeGiB: row.size, bootable: row.bootable === 'true', multiattach: row.multiattach === true,
  zone: row.availability_zone, imageProperties: row.volume_image_metadata ?? {},
})

export interface NewVolume {
  readonly name: string
  readonly sizeGiB: number
  readonly imageId?: string
  readonly volumeType?: string
}

/** Repeating it with the same key answers the same volume. */
export async function createVolume(runtime: Access, ctx: RequestContext, volume: NewVolume, key: string): Promise<VolumeView> {
  const caller: Caller = { ...(await onBehalfOf(runtime, ctx)), version, idempotencyKey: key }
  const { body } = await client(volumeRoutes, runtime.services.cinder, caller).createVolume({
    body: {
      volume: {
        name: volume.name, size: volume.sizeGiB, ...(volume.imageId !== undefined && { imageRef: volume.imageId }),
        ...(volume.volumeType !== undefined && { volume_type: volume.volumeType }),
      },
    },
  })
  return toView(body.volume)
}

/** The name of a type that the user may have, by its id or by its name. */
export async function nameOfVolumeType(runtime: Access, ctx: RequestContext, idOrName: string): Promise<string | undefined> {
  const { body } = await client(volumeTypeRoutes, runtime.services.cinder, { ...(await onBehalfOf(runtime, ctx)), version }).listVolumeTypes({ query: {} })
  return body.volume_types.find(({ id, name }) => id === idOrName || name === idOrName)?.name
}

/** As the user sees it: another project's volume is not found. */
export async function showVolume(runtime: Access, ctx: RequestContext, id: string): Promise<VolumeView | undefined> {
  const answered = await unlessAbsent(client(volumeRoutes, runtime.services.cinder, { ...(await onBehalfOf(runtime, ctx)), version }).showVolume({ params: { id } }))
  return answered && toView(answered.body.volume)
}

/** Whosever it is. */
export async function showAnyVolume(runtime: Access, ctx: RequestContext, id: string): Promise<VolumeView | undefined> {
  const answered = await unlessAbsent(client(volumeRoutes, runtime.services.cinder, { ...(await asService(runtime, ctx)), version }).showVolume({ params: { id } }))
  return answered && toView(answered.body.volume)
}

/** With `force` whatever its state, as long as nobody uses it: what makes it is called off. */
export async function deleteVolume(runtime: Access, ctx: RequestContext, id: string, force: boolean): Promise<void> {
  await unlessAbsent(client(volumeRoutes, runtime.services.cinder, { ...(await asService(runtime, ctx)), version }).deleteVolume({ params: { id }, query: force ? { force: 'true' } : {} }))
}

export interface AttachmentView {
  readonly id: string
  readonly volumeId: string
  readonly connection: unknown
}

/** Cinder answers a connection flat; drivers take it with what belongs to its kind under `data`. */
const toConnection = ({ driver_volume_type: kind, ...data }: Record<string, unknown>): unknown => (kind === undefined ? undefined : { driver_volume_type: kind, data })

const toAttachment = (row: Attachment): AttachmentView => ({ id: row.id, volumeId: row.volume_id, connection: toConnection(row.connection_info ?? {}) })

/** Reserve a volume for a server, and connect it when a connector is given. */
export async function createAttachment(runtime: Access, ctx: RequestContext, volumeId: string, serverId: string, connector: Readonly<Record<string, string>> | null, key: string): Promise<AttachmentView> {
  const caller: Caller = { ...(await onBehalfOf(runtime, ctx)), version, idempotencyKey: key }
  const { body } = await client(attachmentRoutes, runtime.services.cinder, caller).createAttachment({
    body: { attachment: { volume_uuid: volumeId, instance_uuid: serverId, ...(connector && { connector }) } },
  })
  return toAttachment(body.attachment)
}

export async function completeAttachment(runtime: Access, ctx: RequestContext, id: string): Promise<void> {
  await client(attachmentRoutes, runtime.services.cinder, { ...(await onBehalfOf(runtime, ctx)), version }).completeAttachment({ params: { id }, body: { 'os-complete': {} } })
}

/** The attachments that cinder knows of a server, also those whose answer never came. */
export async function attachmentsOfServer(runtime: Access, ctx: RequestContext, serverId: string): Promise<{ id: string; volumeId: string }[]> {
  const { body } = await client(attachmentRoutes, runtime.services.cinder, { ...(await asService(runtime, ctx)), version }).listAttachments({ query: { instance_id: serverId, all_tenants: '1' } })
  return body.attachments.map((row) => ({ id: row.id, volumeId: row.volume_id }))
}

/** Every attachment that names a server, page by page. */
export async function allAttachments(runtime: Access, ctx: RequestContext): Promise<{ id: string; volumeId: string; serverId: string }[]> {
  const found: { id: string; volumeId: string; serverId: string }[] = []
  for (let marker: string | undefined, more = true; more;) {
    const query = { all_tenants: '1', sort_key: 'id', limit: String(pageOfAttachments), ...(marker !== undefined && { marker }) }
    const { body: { attachments } } = await client(attachmentRoutes, runtime.services.cinder, { ...(await asService(runtime, ctx)), version }).listAttachments({ query })
    for (const { id, volume_id: volumeId, instance } of attachments) if (instance !== null) found.push({ id, volumeId, serverId: instance })
    more = attachments.length === pageOfAttachments
    marker = attachments.at(-1)?.id
  }
  return found
}

export async function deleteAttachment(runtime: Access, ctx: RequestContext, id: string): Promise<void> {
  await unlessAbsent(client(attachmentRoutes, runtime.services.cinder, { ...(await asService(runtime, ctx)), version }).deleteAttachment({ params: { id } }))
}
