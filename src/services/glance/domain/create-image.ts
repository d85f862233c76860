// Creating the record of an image.
import type { RequestContext } from '#core/context'
import { isUniqueViolation } from '#core/db'
import { Conflict, Forbidden } from '#core/errors'
import { once } from '#core/operations'
import { findImage, insertImage } from '../db/images.ts'
import { noImage } from '../model/errors.ts'
import type { Image, Visibility } from '../model/images.ts'
import { authorize, isAdmin } from './access.ts'
import type { Glance } from './glance.ts'
import { checkParts, claimImage } from './quota.ts'

export type NewImage = Pick<Image, 'name' | 'visibility' | 'diskFormat' | 'containerFormat' | 'minDiskGiB' | 'minRamMiB' | 'isProtected' | 'isHidden' | 'properties' | 'tags'> & {
  readonly id: string | undefined
  readonly owner: string | null | undefined
}

export async function createImage(glance: Glance, ctx: RequestContext, wanted: NewImage): Promise<Image> {
  const now = glance.clock.now().toISOString()
  const owner = wanted.owner === undefined ? (ctx.identity.projectId ?? null) : wanted.owner
  const image: Image = {
    ...wanted, id: wanted.id ?? glance.ids.uuid(), owner, status: 'queued', sizeBytes: null, virtualSizeBytes: null, checksum: null, hashAlgorithm: null,
    hashValue: null, bits: null, createdAt: now, updatedAt: now,
  }
  const seen = { image, member: undefined }
  if (owner !== ctx.identity.projectId && !isAdmin(glance, ctx)) throw new Forbidden(`You are not permitted to create images owned by '${owner}'.`)
  authorize(glance, ctx, 'add_image', seen)
  authorizeVisibility(glance, ctx, image, image.visibility)
  checkParts(glance.limits, image)
  return glance.database.transaction(async (tx) => {
    const { value: id, repeated } = await once(tx, ctx, glance, async () => {
      await claimImage(tx, glance.limits, owner)
      try {
        await insertImage(tx, image)
      } catch (error) {
        throw isUniqueViolation(error) ? new Conflict(`Image ID ${image.id} already exists!`) : error
      }
      return image.id
    })
    if (!repeated) return image
    const first = await findImage(tx, id)
    if (!first) throw noImage(id)
    return first
  })
}

/** Opening an image to all needs a right of its own. */
export function authorizeVisibility(glance: Glance, ctx: RequestContext, image: Image, visibility: Visibility): void {
  if (visibility === 'public') authorize(glance, ctx, 'publicize_image', { image, member: undefined })
  if (visibility === 'community') authorize(glance, ctx, 'communitize_image', { image, member: undefined })
}
