// Answers about images.
import { BadRequest, UnsupportedMediaType } from '#core/errors'
import type { Handlers } from '#core/http'
import { markTokenCheck } from '#core/trace'
import type { Options } from '../config.ts'
import type { NewImageBody } from '../contract/image-shapes.ts'
import { type imageRoutes, jsonPatch, oldJsonPatch } from '../contract/images.ts'
import { setActivation } from '../domain/activation.ts'
import { createImage, type NewImage } from '../domain/create-image.ts'
import { deleteImage } from '../domain/delete-image.ts'
import type { Glance } from '../domain/glance.ts'
import { listImages } from '../domain/list-images.ts'
import { addTag, removeTag, updateImage } from '../domain/update-image.ts'
import { readRecord } from '../domain/registry.ts'
import type { Visibility } from '../model/images.ts'
import { readListQuery } from './image-query.ts'
import { readPatch, refuseReserved } from './json-patch.ts'
import { viewImage } from './views.ts'

const settable = new Set(['id', 'name', 'visibility', 'protected', 'os_hidden', 'owner', 'tags', 'container_format', 'disk_format', 'min_ram', 'min_disk'])

function newImage(body: NewImageBody): NewImage {
  const properties = new Map<string, string>()
  for (const [name, value] of Object.entries(body)) {
    if (settable.has(name)) continue
    refuseReserved(name)
    if (name.length > 255) throw new BadRequest('Custom property should not be greater than 255 characters.')
    if (value !== null) properties.set(name, value as string)
  }
  return {
    id: body.id?.toLowerCase(), name: body.name ?? null, visibility: (body.visibility ?? 'shared') as Visibility, owner: body.owner,
    diskFormat: body.disk_format ?? null, containerFormat: body.container_format ?? null, minDiskGiB: body.min_disk ?? 0, minRamMiB: body.min_ram ?? 0,
    isProtected: body.protected ?? false, isHidden: body.os_hidden ?? false, tags: [...new Set(body.tags)], properties,
  }
}

/** The query as it came, without the marker or with another one. */
function listPath(query: Readonly<Record<string, string | readonly string[]>>, marker?: string): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (name !== 'marker') for (const each of typeof value === 'string' ? [value] : value) parameters.append(name, each)
  }
  if (marker !== undefined) parameters.append('marker', marker)
  const text = parameters.toString()
  return text === '' ? '/v2/images' : `/v2/images?${text}`
}

export const imageHandlers = (glance: Glance, options: Options): Handlers<typeof imageRoutes> => ({
  async listImages({ ctx, query }) {
    const asked = query as Readonly<Record<string, string | readonly string[]>>
    const { markerId, ...request } = readListQuery(asked, options)
    const images = await listImages(glance, ctx, request, markerId)
    const last = images.at(-1)
    return {
      status: 200,
      body: {
        images: images.map((image) => viewImage(image, glance.store.id)), first: listPath(asked), schema: '/v2/schemas/images',
        ...(last && images.length === request.limit && { next: listPath(asked, last.id) }),
      },
    }
  },
  async createImage({ ctx, body, baseUrl }) {
    const image = await createImage(glance, ctx, newImage(body))
    const headers = { location: `${baseUrl}/images/${image.id}`, 'openstack-image-store-ids': glance.store.id }
    return { status: 201, headers, body: viewImage(image, glance.store.id) }
  },
  async showImage({ ctx, params }) {
    markTokenCheck(glance.trace, ctx, 21, 22)
    return { status: 200, body: viewImage(await readRecord(glance, ctx, params.image_id), glance.store.id) }
  },
  async updateImage({ ctx, params, body, headers }) {
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    if (type !== jsonPatch && type !== oldJsonPatch) {
      throw new UnsupportedMediaType(`Image PATCH expects Content-Type one of: ${oldJsonPatch}, ${jsonPatch}`, { headers: { 'accept-patch': `${oldJsonPatch}, ${jsonPatch}` } })
    }
    const image = await updateImage(glance, ctx, params.image_id, readPatch(body, type === oldJsonPatch))
    return { status: 200, body: viewImage(image, glance.store.id) }
  },
  async deleteImage({ ctx, params }) {
    await deleteImage(glance, ctx, params.image_id)
    return { status: 204 }
  },
  async addTag({ ctx, params }) {
    await addTag(glance, ctx, params.image_id, params.tag)
    return { status: 204 }
  },
  async removeTag({ ctx, params }) {
    await removeTag(glance, ctx, params.image_id, params.tag)
    return { status: 204 }
  },
  async deactivateImage({ ctx, params }) {
    await setActivation(glance, ctx, params.image_id, 'deactivate')
    return { status: 204 }
  },
  async reactivateImage({ ctx, params }) {
    await setActivation(glance, ctx, params.image_id, 'reactivate')
    return { status: 204 }
  },
})
