// Changes what a server is called and how it is described, wherever its rows are.
import type { RequestContext } from '#core/context'
import { updatePlan } from '../../db/build-requests.ts'
import { type ServerRows, updateInstance } from '../../db/instances.ts'
import type { InstanceRow } from '../../db/cell-tables.ts'
import type { CellName } from '../../db/open.ts'
import { shortestIpv6 } from '../../model/addresses.ts'
import { notFound } from '../../model/errors.ts'
import { type Nova, now } from '../nova.ts'
import { serverFor } from './access.ts'
import { isCell, type Located, locate } from './locate.ts'

type Change = Partial<Omit<InstanceRow, 'id'>>

/** Write a change to the plan or the row, whichever there is. @returns the cell in which that is; none of a plan. @throws InstanceNotFound */
export async function changeServer(nova: Nova, serverId: string, located: Located, set: Change): Promise<CellName | undefined> {
  const change = { ...set, updated_at: now(nova) }
  let { cell } = located
  if (!cell) {
    const planned = await nova.api.transaction((tx) => updatePlan(tx, serverId, (plan) => ({ ...plan, instance: { ...plan.instance, ...change } })))
    if (planned) return undefined
    cell = (await locate(nova, serverId)).cell
  }
  if (!cell || !isCell(cell)) throw notFound(serverId)
  const done = await nova.cells[cell].transaction((tx) => updateInstance(tx, serverId, change))
  if (!done) throw notFound(serverId)
  return cell
}

export async function updateServer(nova: Nova, ctx: RequestContext, serverId: string, body: Readonly<Record<string, unknown>>): Promise<ServerRows> {
  const located = await serverFor(nova, ctx, serverId, 'os_compute_api:servers:update')
  const set: Change = {}
  if (body['name'] !== undefined) set.display_name = (body['name'] as string).trim()
  if (body['description'] !== undefined) set.display_description = body['description'] as string | null
  if (body['hostname'] !== undefined) set.hostname = body['hostname'] as string
  if (body['accessIPv4'] !== undefined) set.access_ip_v4 = body['accessIPv4'] as string
  if (body['accessIPv6'] !== undefined) set.access_ip_v6 = shortestIpv6(body['accessIPv6'] as string, 'accessIPv6')
  if (body['OS-DCF:diskConfig'] !== undefined) set.auto_disk_config = body['OS-DCF:diskConfig'] === 'AUTO' ? 1 : 0
  await changeServer(nova, serverId, located, set)
  return (await locate(nova, serverId)).rows
}
