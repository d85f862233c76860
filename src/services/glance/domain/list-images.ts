// The list of images that somebody sees.
import type { RequestContext } from '#core/context'
import { AppError, BadRequest } from '#core/errors'
import { listImages as select } from '../db/image-list.ts'
import type { ImageQuery } from '../model/image-query.ts'
import type { Image } from '../model/images.ts'
import { isAdmin, seeImage } from './access.ts'
import type { Glance } from './glance.ts'

/** @throws BadRequest when the marker is no image that the caller sees */
export async function listImages(glance: Glance, ctx: RequestContext, request: Omit<ImageQuery, 'viewer' | 'marker'>, markerId: string | undefined): Promise<Image[]> {
  const viewer = isAdmin(glance, ctx) ? null : { projectId: ctx.identity.projectId ?? '' }
  const marker = markerId === undefined ? undefined : await seeMarker(glance, ctx, markerId)
  return select(glance.database.read, { ...request, viewer, marker })
}

async function seeMarker(glance: Glance, ctx: RequestContext, id: string): Promise<Image> {
  try {
    return (await seeImage(glance, glance.database.read, ctx, id)).image
  } catch (error) {
    throw error instanceof AppError ? new BadRequest(`Invalid marker ${id.slice(0, 80)}: there is no such image.`) : error
  }
}
