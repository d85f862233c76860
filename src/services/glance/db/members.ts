// Rows of members.
import type { Db } from '#core/db'
import type { Member, MemberStatus } from '../model/images.ts'
import type { GlanceTables, MemberRow } from './tables.ts'

type Tables = Db<GlanceTables>

const toMember = (row: MemberRow): Member => ({
  imageId: row.image_id, projectId: row.member_id, status: row.status as MemberStatus, createdAt: row.created_at, updatedAt: row.updated_at,
})

export async function findMember(db: Tables, imageId: string, projectId: string): Promise<Member | undefined> {
  const row = await db.selectFrom('image_members').selectAll().where('image_id', '=', imageId).where('member_id', '=', projectId).executeTakeFirst()
  return row && toMember(row)
}

export async function membersOf(db: Tables, imageId: string): Promise<Member[]> {
  return (await db.selectFrom('image_members').selectAll().where('image_id', '=', imageId).orderBy('created_at').orderBy('member_id').execute()).map(toMember)
}

export async function insertMember(tx: Tables, member: Member): Promise<void> {
  await tx.insertInto('image_members').values({
    image_id: member.imageId, member_id: member.projectId, status: member.status, created_at: member.createdAt, updated_at: member.updatedAt,
  }).execute()
}

export async function updateMember(tx: Tables, member: Member): Promise<void> {
  await tx.updateTable('image_members').set({ status: member.status, updated_at: member.updatedAt })
    .where('image_id', '=', member.imageId).where('member_id', '=', member.projectId).execute()
}

export async function deleteMember(tx: Tables, member: Member): Promise<void> {
  await tx.deleteFrom('image_members').where('image_id', '=', member.imageId).where('member_id', '=', member.projectId).execute()
}
