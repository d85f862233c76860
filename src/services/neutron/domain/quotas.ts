// Quotas are counted from rows inside the transaction that claims, so parallel requests never overshoot.
import type { RequestContext } from '#core/context'
import { lockClaim } from '#core/db'
import { allLimits, countRows, deleteLimits, ownLimit, ownLimits, saveLimit } from '../db/quotas.ts'
import type { Tx } from '../db/networks.ts'
import { invalidAttribute, OverQuota, QuotaNotFound, QuotaWithoutProject } from '../model/errors.ts'
import { BadRequest } from '#core/errors'
import { authorize } from './access.ts'
import type { Neutron } from './neutron.ts'

const tables: Readonly<Record<string, string>> = {
  network: 'networks', subnet: 'subnets', port: 'ports', router: 'routers', floatingip: 'floating_ips',
  security_group: 'security_groups', security_group_rule: 'security_group_rules',
}
const everything = 1_000_000_000
const largestLimit = 2_147_483_647

/** @throws OverQuota when the project would have more than it may */
export async function claimQuota(neutron: Neutron, tx: Tx, projectId: string, resource: string, more = 1): Promise<void> {
  const limit = (await ownLimit(tx, projectId, resource)) ?? neutron.config.defaultQuotas[resource] ?? -1
  if (limit < 0) return
  await lockClaim(tx, 'quota', projectId, resource)
  const used = await countRows(tx, tables[resource] ?? '', projectId, limit + 1)
  if (used + more > limit) throw new OverQuota(`Quota exceeded for resources: ['${resource}'].`, { resource, limit })
}

export async function limitsOf(neutron: Neutron, projectId: string): Promise<Record<string, number>> {
  return { ...defaultLimits(neutron), ...Object.fromEntries(await ownLimits(neutron.database.read, projectId)) }
}

export function defaultLimits(neutron: Neutron): Record<string, number> {
  return Object.fromEntries(Object.keys(tables).map((resource) => [resource, neutron.config.defaultQuotas[resource] ?? -1]))
}

export async function showQuota(neutron: Neutron, ctx: RequestContext, projectId: string): Promise<Record<string, number>> {
  if (projectId !== ctx.identity.projectId) authorize(neutron, ctx, 'get_quota', { project_id: projectId })
  return limitsOf(neutron, projectId)
}

export async function quotaDetails(neutron: Neutron, ctx: RequestContext, projectId: string) {
  const limits = await showQuota(neutron, ctx, projectId)
  const details: Record<string, { limit: number; used: number; reserved: number }> = {}
  for (const [resource, limit] of Object.entries(limits)) {
    details[resource] = { limit, used: await countRows(neutron.database.read, tables[resource] ?? '', projectId, everything), reserved: 0 }
  }
  return details
}

export async function listQuotas(neutron: Neutron, ctx: RequestContext) {
  authorize(neutron, ctx, 'get_quota', { project_id: '' })
  const byProject = new Map<string, Record<string, number>>()
  for (const row of await allLimits(neutron.database.read)) {
    const limits = byProject.get(row.project_id) ?? defaultLimits(neutron)
    limits[row.resource] = row.amount
    byProject.set(row.project_id, limits)
  }
  return [...byProject].map(([projectId, limits]) => ({ ...limits, tenant_id: projectId, project_id: projectId }))
}

/** @throws QuotaWithoutProject */
export function ownProject(ctx: RequestContext): string {
  const { projectId } = ctx.identity
  if (projectId === undefined) throw new QuotaWithoutProject('Tenant-id was missing from quota request.')
  return projectId
}

/** Without `check_limit` a limit may be below what is used: `quota-check-limit-default` is not announced. */
export async function updateQuota(neutron: Neutron, ctx: RequestContext, projectId: string, { force: _force, check_limit: checkLimit, ...wanted }: Readonly<Record<string, unknown>>) {
  authorize(neutron, ctx, 'update_quota', { project_id: projectId })
  const limits: [string, number][] = []
  for (const [resource, value] of Object.entries(wanted)) {
    if (resource === 'tenant_id' || resource === 'project_id') continue
    if (!Object.hasOwn(tables, resource)) throw new BadRequest(`Unrecognized attribute(s) '${resource}'`)
    const amount = Number(value)
    if (amount < -1) throw invalidAttribute(resource, `'${amount}' is too small - must be at least '-1'`)
    if (amount > largestLimit) throw invalidAttribute(resource, `'${amount}' is too large - must be no larger than '${largestLimit}'`)
    limits.push([resource, amount])
  }
  await neutron.database.transaction(async (tx) => {
    for (const [resource, amount] of limits) {
      if (checkLimit) await refuseBelowUse(tx, projectId, resource, amount)
      await saveLimit(tx, projectId, resource, amount)
    }
  })
  return limitsOf(neutron, projectId)
}

async function refuseBelowUse(tx: Tx, projectId: string, resource: string, limit: number): Promise<void> {
  if (limit < 0) return
  await lockClaim(tx, 'quota', projectId, resource)
  const used = await countRows(tx, tables[resource] ?? '', projectId, everything)
  if (used > limit) throw new BadRequest(`Quota limit ${limit} for ${resource} must be greater than or equal to already used ${used}`)
}

export async function deleteQuota(neutron: Neutron, ctx: RequestContext, projectId: string): Promise<void> {
  authorize(neutron, ctx, 'delete_quota', { project_id: projectId })
  const found = await neutron.database.transaction((tx) => deleteLimits(tx, projectId))
  if (!found) throw new QuotaNotFound(`Quota for tenant ${projectId} could not be found.`)
}
