// The image that a volume is to be filled from: what glance says of it, checked before anything is made.
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError, BadRequest } from '#core/errors'
import { onBehalfOf } from '#core/service'
import type { ImageSource } from '#contract/cinder'
import { type ImageBody, imageRoutes } from '#contract/glance'
import { ImageUnacceptable, InvalidInput } from '../model/errors.ts'
import type { Cinder } from './cinder.ts'

export interface VolumeImage {
  /** What the volume role needs to fetch and verify it. */
  readonly source: ImageSource
  /** What the volume keeps of it: upstream's volume_image_metadata. */
  readonly metadata: Readonly<Record<string, string>>
}

const bytesPerGiB = 1024 ** 3
/** Formats that can be written to a volume, and how they are read. */
const readable: Readonly<Record<string, ImageSource['format']>> = { raw: 'raw', iso: 'raw', ami: 'raw', qcow2: 'qcow2' }
/** Attributes of an image that are no properties of its owner's. */
const attributes = new Set([
  'id', 'name', 'status', 'visibility', 'protected', 'os_hidden', 'owner', 'tags', 'container_format', 'disk_format', 'min_ram', 'min_disk', 'size',
  'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'created_at', 'updated_at', 'self', 'file', 'schema', 'locations', 'direct_url', 'stores',
])

/** Look an image up for a volume of a size. @throws BadRequest, ImageUnacceptable, InvalidInput */
export async function imageFor(cinder: Cinder, ctx: RequestContext, reference: string, sizeGiB: number): Promise<VolumeImage> {
  const image = await lookUp(cinder, ctx, reference.slice(reference.lastIndexOf('/') + 1))
  if (image.status !== 'active') throw new InvalidInput(`Invalid input received: Image ${image.id} is not active.`)
  const { size, disk_format: declared, os_hash_algo: hashAlgorithm, os_hash_value: hash } = image
  const imageGiB = Math.ceil((size ?? 0) / bytesPerGiB)
  if (imageGiB > sizeGiB) throw new InvalidInput(`Invalid input received: Size of specified image ${imageGiB}GB is larger than volume size ${sizeGiB}GB.`)
  if (image.min_disk > sizeGiB) {
    throw new InvalidInput(`Invalid input received: Volume size ${sizeGiB}GB cannot be smaller than the image minDisk size ${image.min_disk}GB.`)
  }
  const virtualGiB = Math.ceil((image.virtual_size ?? 0) / bytesPerGiB)
  if (virtualGiB > sizeGiB) throw new ImageUnacceptable(`Image ${image.id} is unacceptable: Image virtual size is ${virtualGiB}GB and doesn't fit in a volume of size ${sizeGiB}GB.`)
  const format = declared === null ? undefined : readable[declared]
  if (format === undefined || declared === null) throw new ImageUnacceptable(`Image ${image.id} is unacceptable: Images of the format ${declared ?? '(none)'} cannot be written to volumes.`)
  if (image.container_format !== 'bare' && image.container_format !== 'ami') {
    throw new ImageUnacceptable(`Image ${image.id} is unacceptable: Images in a container of the kind ${image.container_format ?? '(none)'} cannot be written to volumes.`)
  }
  return {
    source: { imageId: image.id, declared, format, sizeBytes: size ?? 0, hashAlgorithm: hashAlgorithm ?? 'md5', hash: hash ?? image.checksum ?? '' },
    metadata: metadataOf(image),
  }
}

async function lookUp(cinder: Cinder, ctx: RequestContext, imageId: string): Promise<ImageBody> {
  const unknown = () => new BadRequest('Invalid image identifier or unable to access requested image.')
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(imageId)) throw unknown()
  try {
    const { body } = await client(imageRoutes, cinder.services.glance, await onBehalfOf(cinder, ctx)).showImage({ params: { image_id: imageId } })
    return body
  } catch (error) {
    throw error instanceof AppError && error.status === 404 ? unknown() : error
  }
}

function metadataOf(image: ImageBody): Record<string, string> {
  const kept: Record<string, string> = {
    image_id: image.id, image_name: image.name ?? '', checksum: image.checksum ?? '', container_format: image.container_format ?? '',
    disk_format: image.disk_format ?? '', min_disk: String(image.min_disk), min_ram: String(image.min_ram), size: String(image.size ?? 0),
  }
  for (const [key, value] of Object.entries(image)) if (!attributes.has(key) && typeof value === 'string') kept[key] = value
  return kept
}
