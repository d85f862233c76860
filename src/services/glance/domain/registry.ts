// The registry's part: the record of an image, read for somebody who asks for the image or its data.
import type { RequestContext } from '#core/context'
import { Forbidden } from '#core/errors'
import { mark, traced } from '#core/trace'
import type { Image } from '../model/images.ts'
import { authorize, isAdmin, seeImage } from './access.ts'
import type { Glance } from './glance.ts'

/** @throws NotFound for who may not see it */
export async function readRecord(glance: Glance, ctx: RequestContext, id: string): Promise<Image> {
  mark(glance.trace, glance.clock, ctx, 23)
  const { image } = await traced(glance.trace, glance.clock, ctx, 24, () => seeImage(glance, glance.database.read, ctx, id))
  mark(glance.trace, glance.clock, ctx, 25)
  return image
}

/** @throws NotFound, or Forbidden for who may see the image and not have it */
export async function readForDownload(glance: Glance, ctx: RequestContext, id: string): Promise<Image> {
  const seen = await seeImage(glance, glance.database.read, ctx, id)
  authorize(glance, ctx, 'download_image', seen)
  if (seen.image.status === 'deactivated' && !isAdmin(glance, ctx)) throw new Forbidden('The requested image has been deactivated. Image data download is forbidden.')
  return seen.image
}
