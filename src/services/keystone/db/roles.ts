// Roles and what they imply.
import type { Db } from '#core/db'
import { type Listed, type ListRequest, page } from './lists.ts'
import type { Tables } from './tables.ts'

export type RoleRow = Tables['roles']

export function allRoles(db: Db<Tables>): Promise<RoleRow[]> {
  return db.selectFrom('roles').selectAll().orderBy('id').execute()
}

export function allImplications(db: Db<Tables>): Promise<Tables['implied_roles'][]> {
  return db.selectFrom('implied_roles').selectAll().orderBy('prior_id').orderBy('implied_id').execute()
}

export function findRole(db: Db<Tables>, id: string): Promise<RoleRow | undefined> {
  return db.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst()
}

/** @param domainId '' for the roles that every domain may use */
export function listRoles(db: Db<Tables>, domainId: string, request: ListRequest): Promise<Listed<RoleRow>> {
  return page(db.selectFrom('roles').selectAll().where('roles.domain_id', '=', domainId), 'roles', request)
}

export async function insertRole(tx: Db<Tables>, row: RoleRow): Promise<void> {
  await tx.insertInto('roles').values(row).execute()
}

export async function updateRole(tx: Db<Tables>, id: string, set: Partial<RoleRow>): Promise<void> {
  await tx.updateTable('roles').set(set).where('id', '=', id).execute()
}

/** With its assignments and implications. */
export async function deleteRole(tx: Db<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('roles').where('id', '=', id).execute()
}

export async function insertImplication(tx: Db<Tables>, priorId: string, impliedId: string): Promise<void> {
  await tx.insertInto('implied_roles').values({ prior_id: priorId, implied_id: impliedId }).execute()
}

export async function deleteImplication(tx: Db<Tables>, priorId: string, impliedId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('implied_roles').where('prior_id', '=', priorId).where('implied_id', '=', impliedId).executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}
