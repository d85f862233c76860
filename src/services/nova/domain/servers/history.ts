// Where the history of a server lies, also of one that is gone.
import type { RequestContext } from '#core/context'
import type { Db } from '#core/db'
import type { CellTables } from '../../db/cell-tables.ts'
import { findAnyInstance } from '../../db/instances.ts'
import { cellNames } from '../../db/open.ts'
import { notFound } from '../../model/errors.ts'
import { requireRule } from '../authorize.ts'
import type { Nova } from '../nova.ts'
import { locate } from './locate.ts'

/** @throws InstanceNotFound also for a server of another project */
export async function actionsFor(nova: Nova, ctx: RequestContext, serverId: string, rule: 'list' | 'show', alsoDeleted: boolean): Promise<{ db: Db<CellTables>; projectId: string }> {
  const found = await place(nova, serverId, alsoDeleted)
  if (found.projectId !== ctx.identity.projectId && !ctx.identity.roles.includes('admin')) throw notFound(serverId)
  requireRule(nova, ctx, `os_compute_api:os-instance-actions:${rule}`, { project_id: found.projectId })
  return found
}

async function place(nova: Nova, serverId: string, alsoDeleted: boolean): Promise<{ db: Db<CellTables>; projectId: string }> {
  if (alsoDeleted) {
    for (const name of cellNames) {
      const db = nova.cells[name].read
      const instance = await findAnyInstance(db, serverId)
      if (instance) return { db, projectId: instance.project_id }
    }
  }
  const { rows, cell } = await locate(nova, serverId)
  return { db: nova.cells[cell ?? 'cell1'].read, projectId: rows.instance.project_id }
}
