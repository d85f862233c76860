// What nova asks of glance: an image's record, and its bytes.
import { imageFileRoutes, imageRoutes } from '#contract/glance'
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { asService, onBehalfOf, type Runtime } from '#core/service'
import { unlessAbsent } from './absent.ts'

type Access = Pick<Runtime, 'credentials' | 'services'>

export interface ImageView {
  readonly id: string
  readonly status: string
  readonly diskFormat: string
  readonly sizeBytes: number
  readonly virtualSizeBytes: number
  readonly minRamMiB: number
  readonly minDiskGiB: number
  readonly hash: { readonly algorithm: string; readonly value: string }
  /** The owner's own properties, and those that say how the image wants to be run. */
  readonly properties: Readonly<Record<string, string>>
}

const known = new Set([
  'id', 'name', 'status', 'visibility', 'protected', 'os_hidden', 'owner', 'tags', 'container_format', 'disk_format', 'min_ram', 'min_disk', 'size', 'virtual_size',
  'checksum', 'os_hash_algo', 'os_hash_value', 'created_at', 'updated_at', 'self', 'file', 'schema', 'locations', 'direct_url', 'stores',
])

/** As the user sees it: what the user may not see is not found. */
export async function showImage(runtime: Access, ctx: RequestContext, imageId: string): Promise<ImageView | undefined> {
  const answered = await unlessAbsent(client(imageRoutes, runtime.services.glance, await onBehalfOf(runtime, ctx)).showImage({ params: { image_id: imageId } }))
  if (!answered) return undefined
  const { body } = answered
  return {
    id: body.id, status: body.status, diskFormat: body.disk_format ?? '', sizeBytes: body.size ?? 0, virtualSizeBytes: body.virtual_size ?? 0,
    minRamMiB: body.min_ram, minDiskGiB: body.min_disk, hash: { algorithm: body.os_hash_algo ?? '', value: body.os_hash_value ?? '' },
    properties: Object.fromEntries(Object.entries(body).filter(([key, value]) => !known.has(key) && typeof value === 'string')) as Record<string, string>,
  }
}

/** Whether glance has it at all, whoever it belongs to. */
export async function imageExists(runtime: Access, ctx: RequestContext, imageId: string): Promise<boolean> {
  return (await unlessAbsent(client(imageRoutes, runtime.services.glance, await asService(runtime, ctx)).showImage({ params: { image_id: imageId } }))) !== undefined
}

export async function downloadImage(runtime: Access, ctx: RequestContext, imageId: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const reply = await client(imageFileRoutes, runtime.services.glance, { ...(await onBehalfOf(runtime, ctx)), signal }).downloadImage({ params: { image_id: imageId } })
  return reply.status === 204 ? nothing() : (reply.body as AsyncIterable<Uint8Array>)
}

async function* nothing(): AsyncIterable<Uint8Array> {}
