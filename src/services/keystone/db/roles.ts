// Roles and what they imply.
import type { Db } from '#core/db'
import type { Tables } from './tables.ts'

export type RoleRow = Tables['roles']

export function allRoles(db: Db<Tables>): Promise<RoleRow[]> {
  return db.selectFrom('roles').selectAll().orderBy('id').execute()
}

export function allImplications(db: Db<Tables>): Promise<Tables['implied_roles'][]> {
  return db.selectFrom('implied_roles').selectAll().orderBy('prior_id').orderBy('implied_id').execute()
}
