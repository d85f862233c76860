// What the comparisons of nova start from: its servers as the rows have them, and what operations work on.
import { resourcesAtWork } from '#core/audit'
import { type Fate, fatesOf, type InstanceToAudit, instancesToAudit } from '../../db/audit.ts'
import type { Nova } from '../nova.ts'

export interface AuditedServer {
  readonly id: string
  readonly host: string | null
  readonly vmState: string
  readonly taskState: string | null
  readonly projectId: string
  readonly userId: string
  readonly imageId: string
}

export interface Books {
  readonly servers: ReadonlyMap<string, AuditedServer>
  /** Servers that operations work on. */
  readonly atWork: ReadonlySet<string>
  /** What became of a server that is none of these. */
  readonly fates: ReadonlyMap<string, Fate>
}

const toServer = (row: InstanceToAudit): AuditedServer => ({
  id: row.uuid, host: row.host, vmState: row.vm_state, taskState: row.task_state, projectId: row.project_id, userId: row.user_id, imageId: row.image_ref,
})

/** @param named servers that others name: it is said what became of them */
export async function readBooks({ api, cells }: Pick<Nova, 'api' | 'cells'>, named: Iterable<string>): Promise<Books> {
  const atWork = new Set([...(await resourcesAtWork(api.read)), ...(await resourcesAtWork(cells.cell1.read))])
  const servers = new Map((await instancesToAudit(cells.cell1.read)).map((row) => [row.uuid, toServer(row)]))
  const fates = await fatesOf(api.read, [cells.cell0.read, cells.cell1.read], [...named].filter((id) => !servers.has(id)))
  return { servers, atWork, fates }
}

/** Whether a thing that names the server may go: by itself after a deletion, when asked if nova never heard of it. */
export function orphaned({ servers, atWork, fates }: Books, serverId: string): 'deleted' | 'unknown' | undefined {
  if (servers.has(serverId) || atWork.has(serverId)) return undefined
  const fate = fates.get(serverId) ?? 'unknown'
  return fate === 'lives' ? undefined : fate
}
