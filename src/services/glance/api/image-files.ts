// Image data in and out.
import type { Readable } from 'node:stream'
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import type { imageFileRoutes } from '../contract/image-files.ts'
import { downloadImage } from '../domain/download.ts'
import type { Glance } from '../domain/glance.ts'
import { uploadImage } from '../domain/upload.ts'

function announcedBytes(headers: Readonly<Record<string, string | undefined>>): number | undefined {
  const value = headers['x-openstack-image-size'] ?? headers['content-length']
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value)) throw new BadRequest('Invalid or missing image size in request headers.')
  return Number(value)
}

export const imageFileHandlers = (glance: Glance): Handlers<typeof imageFileRoutes> => ({
  async uploadImage({ ctx, params, body, headers }) {
    const store = headers['x-image-meta-store']
    if (store !== undefined && store !== glance.store.id) throw new BadRequest(`Unknown store ${store.slice(0, 80)}.`)
    await uploadImage(glance, ctx, params.image_id, body as Readable, announcedBytes(headers))
    return { status: 204 }
  },
  async downloadImage({ ctx, params, headers }) {
    const download = await downloadImage(glance, ctx, params.image_id, { range: headers['range'], contentRange: headers['content-range'] })
    if (!download) return { status: 204 }
    const { image, content, from, to, partial } = download
    const described = {
      'content-type': 'application/octet-stream', 'content-length': String(to - from + 1), 'accept-ranges': 'bytes',
      ...(image.checksum !== null && { 'content-md5': image.checksum }),
    }
    if (!partial) return { status: 200, headers: described, body: content }
    return { status: 206, headers: { ...described, 'content-range': `bytes ${from}-${to}/${image.sizeBytes}` }, body: content }
  },
})
