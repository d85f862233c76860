// Finding the flavor that a request names, with its extra specs, and whether a project may use it.
import type { Db } from '#core/db'
import type { FlavorSnapshot } from '../model/server.ts'
import type { ApiTables } from './api-tables.ts'

/** A flavor that the project may not see is not found. */
export async function findFlavor(db: Db<ApiTables>, flavorId: string, projectId: string | undefined, admin: boolean): Promise<FlavorSnapshot | undefined> {
  const row = await db.selectFrom('flavors').selectAll().where('flavorid', '=', flavorId).executeTakeFirst()
  if (!row) return undefined
  if (!row.is_public && !admin) {
    const access = await db.selectFrom('flavor_projects').select('project_id').where('flavor_id', '=', row.id).where('project_id', '=', projectId ?? '').executeTakeFirst()
    if (!access) return undefined
  }
  const specs = await db.selectFrom('flavor_extra_specs').select(['key', 'value']).where('flavor_id', '=', row.id).execute()
  return {
    id: row.flavorid, name: row.name, vcpus: row.vcpus, memoryMiB: row.memory_mb, rootGiB: row.root_gb, ephemeralGiB: row.ephemeral_gb,
    swapMiB: row.swap, extraSpecs: Object.fromEntries(specs.map(({ key, value }) => [key, value])),
  }
}
