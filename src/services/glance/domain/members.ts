// Sharing an image with projects. The owner names them; each of them accepts or rejects for itself.
import type { RequestContext } from '#core/context'
import { type Db, isUniqueViolation, lockClaim } from '#core/db'
import { type AppError, BadRequest, Conflict, Forbidden, NotFound } from '#core/errors'
import { deleteMember as deleteRow, findMember, insertMember, membersOf, updateMember as updateRow } from '../db/members.ts'
import type { GlanceTables } from '../db/tables.ts'
import { imageNotFound, QuotaExceeded } from '../model/errors.ts'
import type { Member, MemberStatus } from '../model/images.ts'
import { authorize, may, seeImage, type Seen } from './access.ts'
import type { Glance } from './glance.ts'

const statuses: readonly string[] = ['pending', 'accepted', 'rejected']

const notShared = 'Only shared images have members.'

/** @param refusal for an image that is not shared; none of them has members */
async function seeShared(glance: Glance, db: Db<GlanceTables>, ctx: RequestContext, id: string, refusal: AppError): Promise<Seen> {
  const seen = await seeImage(glance, db, ctx, id, imageNotFound)
  if (seen.image.visibility !== 'shared') throw refusal
  return seen
}

export async function createMember(glance: Glance, ctx: RequestContext, id: string, projectId: string): Promise<Member> {
  return glance.database.transaction(async (tx) => {
    await lockClaim(tx, 'members', id)
    const seen = await seeShared(glance, tx, ctx, id, new Forbidden(`Not allowed to create members for image ${id}.`))
    authorize(glance, ctx, 'add_member', seen)
    const count = (await membersOf(tx, id)).length
    if (glance.limits.image_member_quota >= 0 && count + 1 > glance.limits.image_member_quota) {
      throw new QuotaExceeded(`The limit has been exceeded on the number of allowed image members for this image. Attempted: ${count + 1}, Maximum: ${glance.limits.image_member_quota}`)
    }
    const now = glance.clock.now().toISOString()
    const member: Member = { imageId: id, projectId, status: 'pending', createdAt: now, updatedAt: now }
    try {
      await insertMember(tx, member)
    } catch (error) {
      throw isUniqueViolation(error) ? new Conflict(`Member ${projectId} is duplicated for image ${id}`) : error
    }
    return member
  })
}

/** All members for the owner and administrators; for a member itself alone. */
export async function listMembers(glance: Glance, ctx: RequestContext, id: string): Promise<Member[]> {
  const seen = await seeShared(glance, glance.database.read, ctx, id, new Forbidden(`Not allowed to list members for image ${id}: ${notShared}`))
  authorize(glance, ctx, 'get_members', seen)
  if (seen.member) return [seen.member]
  return membersOf(glance.database.read, id)
}

async function theMember(glance: Glance, db: Db<GlanceTables>, ctx: RequestContext, id: string, projectId: string, refusal: AppError): Promise<{ seen: Seen; member: Member }> {
  const seen = await seeShared(glance, db, ctx, id, refusal)
  const member = await findMember(db, id, projectId)
  if (!member || (seen.member && seen.member.projectId !== projectId)) throw new NotFound(`${projectId.slice(0, 80)} not found in the member list of the image ${id}.`)
  return { seen, member }
}

export async function showMember(glance: Glance, ctx: RequestContext, id: string, projectId: string): Promise<Member> {
  const { seen, member } = await theMember(glance, glance.database.read, ctx, id, projectId, new NotFound(notShared))
  if (!may(glance, ctx, 'get_member', seen)) throw new NotFound(`${projectId} not found in the member list of the image ${id}.`)
  return member
}

export async function updateMember(glance: Glance, ctx: RequestContext, id: string, projectId: string, status: string): Promise<Member> {
  return glance.database.transaction(async (tx) => {
    const { seen, member } = await theMember(glance, tx, ctx, id, projectId, new Forbidden(`Not allowed to update members for image ${id}.`))
    authorize(glance, ctx, 'modify_member', seen)
    if (!statuses.includes(status)) throw new BadRequest('Incorrect request: Status must be "pending", "accepted" or "rejected".')
    const changed: Member = { ...member, status: status as MemberStatus, updatedAt: glance.clock.now().toISOString() }
    await updateRow(tx, changed)
    return changed
  })
}

export async function deleteMember(glance: Glance, ctx: RequestContext, id: string, projectId: string): Promise<void> {
  await glance.database.transaction(async (tx) => {
    const { seen, member } = await theMember(glance, tx, ctx, id, projectId, new Forbidden(`Not allowed to delete members for image ${id}.`))
    authorize(glance, ctx, 'delete_member', seen)
    await deleteRow(tx, member)
  })
}
