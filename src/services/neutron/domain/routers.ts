// Routers: made, changed, given a gateway and routes, and deleted when no subnet hangs on them.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { NewRouter, RouterChange } from '../contract/routers.ts'
import type { ListRequest } from '../db/list.ts'
import { deleteTags, type Tx, updateRow } from '../db/networks.ts'
import { portsOfDevice } from '../db/ports.ts'
import { deleteRouterRow, insertRouter, listRouters as listRecords, type RouterRecord, routerRecord, routersOf } from '../db/routers.ts'
import type { RouterRow } from '../db/tables.ts'
import { RouterInUse, RouterNotFound } from '../model/errors.ts'
import { allows, authorize, bit, ownerOf, seesAll, toFlag } from './access.ts'
import { checkZoneHints } from './availability-zones.ts'
import { createOnce } from './create-once.ts'
import { type Neutron, timeText } from './neutron.ts'
import { claimQuota } from './quotas.ts'
import { checkRevision, type Change } from './revisions.ts'
import { gatewayChecks, setGateway } from './router-gateway.ts'
import { checkRoutes, type Route } from './router-routes.ts'
import { beginRouterSync } from './sync-router.ts'
import { routerTarget } from './targets.ts'

export type NewRouterBody = Static<typeof NewRouter>
type RouterChangeBody = Static<typeof RouterChange>

export const interfaceOwner = 'network:router_interface'

export async function createRouters(neutron: Neutron, ctx: RequestContext, bodies: readonly NewRouterBody[]): Promise<RouterRecord[]> {
  return createOnce(neutron, ctx, bodies, { make: (tx, body) => createRouter(neutron, tx, ctx, body), find: routerRecord })
}

async function createRouter(neutron: Neutron, tx: Tx, ctx: RequestContext, body: NewRouterBody): Promise<RouterRecord> {
  const projectId = ownerOf(neutron, ctx, body)
  const target = { project_id: projectId, tenant_id: projectId }
  authorize(neutron, ctx, 'create_router', target, gatewayChecks('create_router', body.external_gateway_info ?? undefined))
  await checkZoneHints(tx, 'router', body.availability_zone_hints ?? [])
  await claimQuota(neutron, tx, projectId, 'router')
  const now = timeText(neutron)
  const row: RouterRow = {
    id: neutron.ids.uuid(), project_id: projectId, name: body.name ?? '', description: body.description ?? '', revision_number: 1, created_at: now, updated_at: now,
    admin_state_up: bit(toFlag(body.admin_state_up, true)), status: 'ACTIVE', gateway_port_id: null, gateway_network_id: null, enable_snat: 1, routes: '[]',
    availability_zone_hints: JSON.stringify(body.availability_zone_hints ?? []), host: '',
  }
  await insertRouter(tx, row)
  if (body.external_gateway_info) await setGateway(neutron, tx, ctx, row, body.external_gateway_info)
  await beginRouterSync(neutron, tx, ctx, row.id, projectId)
  return (await routerRecord(tx, row.id)) ?? { row, gatewayAddresses: [], tags: [] }
}

export async function listRouters(neutron: Neutron, ctx: RequestContext, request: ListRequest): Promise<RouterRecord[]> {
  return listRecords(neutron.database.read, request, seesAll(neutron, ctx) ? undefined : routersOf(ctx.identity.projectId ?? ''))
}

/** @throws RouterNotFound also for one that the caller cannot see */
export async function findRouter(neutron: Neutron, ctx: RequestContext, db: Tx, id: string): Promise<RouterRecord> {
  const record = await routerRecord(db, id)
  if (!record || !allows(neutron, ctx, 'get_router', routerTarget(record.row))) throw new RouterNotFound(`Router ${id} could not be found`)
  return record
}

export async function updateRouter(neutron: Neutron, ctx: RequestContext, id: string, { body, ifRevision }: Change<RouterChangeBody>): Promise<RouterRecord> {
  return neutron.database.transaction(async (tx) => {
    const record = await findRouter(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'update_router', routerTarget(record.row), gatewayChecks('update_router', body.external_gateway_info))
    checkRevision(record.row, ifRevision)
    if (body.external_gateway_info !== undefined) await setGateway(neutron, tx, ctx, record.row, body.external_gateway_info)
    const gateways = body.external_gateway_info === undefined ? [] : [record.row.gateway_network_id, body.external_gateway_info?.network_id]
    return changeRouter(neutron, tx, ctx, id, {
      ...(body.name !== undefined && { name: body.name }),
      ...(body.description !== undefined && { description: body.description }),
      ...(body.admin_state_up !== undefined && { admin_state_up: bit(toFlag(body.admin_state_up, true)) }),
      ...(body.routes !== undefined && { routes: JSON.stringify(await checkRoutes(neutron, tx, id, body.routes ?? [])) }),
    }, gateways.flatMap((networkId) => networkId ?? []))
  })
}

async function changeRouter(neutron: Neutron, tx: Tx, ctx: RequestContext, id: string, set: Partial<RouterRow>, networkIds: readonly string[] = []): Promise<RouterRecord> {
  await updateRow(tx, 'routers', id, set, timeText(neutron))
  const record = await routerRecord(tx, id)
  if (!record) throw new RouterNotFound(`Router ${id} could not be found`)
  await beginRouterSync(neutron, tx, ctx, id, record.row.project_id, networkIds)
  return record
}

/** Add routes to those that are there, or take some away, in one step. */
export async function changeRoutes(neutron: Neutron, ctx: RequestContext, id: string, rule: 'add_extraroutes' | 'remove_extraroutes', routes: readonly Route[]): Promise<RouterRecord> {
  return neutron.database.transaction(async (tx) => {
    const { row } = await findRouter(neutron, ctx, tx, id)
    authorize(neutron, ctx, rule, routerTarget(row))
    const key = (route: Route) => `${route.destination} ${route.nexthop}`
    const named = new Set(routes.map(key))
    const rest = (JSON.parse(row.routes) as Route[]).filter((route) => !named.has(key(route)))
    const next = rule === 'add_extraroutes' ? await checkRoutes(neutron, tx, id, [...rest, ...routes]) : rest
    return changeRouter(neutron, tx, ctx, id, { routes: JSON.stringify(next) })
  })
}

/** @throws RouterInUse while a subnet hangs on it */
export async function deleteRouter(neutron: Neutron, ctx: RequestContext, id: string, ifRevision?: number): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { row } = await findRouter(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'delete_router', routerTarget(row))
    checkRevision(row, ifRevision)
    if ((await portsOfDevice(tx, id, [interfaceOwner])).length > 0) throw new RouterInUse(`Router ${id} still has ports`)
    await setGateway(neutron, tx, ctx, row, null)
    await beginRouterSync(neutron, tx, ctx, id, row.project_id, row.gateway_network_id === null ? [] : [row.gateway_network_id])
    await deleteRouterRow(tx, id)
    await deleteTags(tx, [id])
  })
}

