// Who may see an image and do what with it: one place, before everything else. What one may not see does not exist.
import type { RequestContext } from '#core/context'
import type { Db } from '#core/db'
import type { AppError } from '#core/errors'
import { findImage } from '../db/images.ts'
import { findMember } from '../db/members.ts'
import type { GlanceTables } from '../db/tables.ts'
import { noImage, notAuthorized } from '../model/errors.ts'
import type { Image, Member } from '../model/images.ts'
import type { Glance } from './glance.ts'

/** An image together with what the caller is to it. */
export interface Seen {
  readonly image: Image
  /** The caller's membership, when the image is shared with it. */
  readonly member: Member | undefined
}

export function isAdmin({ policy }: Pick<Glance, 'policy'>, ctx: RequestContext): boolean {
  return policy.allows('context_is_admin', ctx.identity, {})
}

const owns = (ctx: RequestContext, image: Image): boolean => image.owner !== null && image.owner === ctx.identity.projectId

/** @throws `absent` for an image that does not exist or that the caller may not see */
export async function seeImage(glance: Glance, db: Db<GlanceTables>, ctx: RequestContext, id: string, absent: (id: string) => AppError = noImage): Promise<Seen> {
  const image = await findImage(db, id)
  if (!image) throw absent(id)
  const needsMember = image.visibility === 'shared' && !owns(ctx, image)
  const member = needsMember && ctx.identity.projectId !== undefined ? await findMember(db, id, ctx.identity.projectId) : undefined
  const visible = owns(ctx, image) || image.visibility === 'public' || image.visibility === 'community' || member !== undefined || isAdmin(glance, ctx)
  const seen = { image, member }
  if (!visible || !may(glance, ctx, 'get_image', seen)) throw absent(id)
  return seen
}

export function may({ policy }: Glance, ctx: RequestContext, rule: string, { image, member }: Seen): boolean {
  return policy.allows(rule, ctx.identity, {
    project_id: image.owner, owner: image.owner, member_id: member?.projectId ?? null,
    // A shared image is seen by its members; the word alone lets nobody in.
    visibility: image.visibility,
  })
}

/** @throws Forbidden */
export function authorize(glance: Glance, ctx: RequestContext, rule: string, seen: Seen): void {
  if (!may(glance, ctx, rule, seen)) throw notAuthorized(rule)
}
