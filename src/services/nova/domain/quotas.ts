// Quotas as admins set them and projects read them. What is used is counted from rows.
import type { RequestContext } from '#core/context'
import type { Db } from '#core/db'
import { BadRequest } from '#core/errors'
import type { ApiTables } from '../db/api-tables.ts'
import { serverUse } from '../db/quota-use.ts'
import { dropProjectLimits, setClassLimits, setProjectLimits, userLimitSums } from '../db/quotas.ts'
import { countServerGroups } from '../db/server-groups.ts'
import { type Amounts, type QuotaResource, quotaResources, unlimited } from '../model/quota.ts'
import { classLimits, projectLimits, userLimits } from './limits.ts'
import { type Nova, now } from './nova.ts'
import { requireProject } from './projects.ts'

export interface Quotas {
  readonly limits: Amounts
  readonly used: Amounts
}

/** Keypairs and members of groups count against a user or a group, never against a project: upstream shows 0 for them. */
async function countUse(db: Db<ApiTables>, projectId: string, userId?: string): Promise<Amounts> {
  const servers = await serverUse(db, projectId, userId)
  const groups = await countServerGroups(db, projectId, userId)
  const nothing = Object.fromEntries(quotaResources.map((resource) => [resource, 0])) as Record<QuotaResource, number>
  return { ...nothing, ...servers, server_groups: groups }
}

export async function showQuotas(nova: Nova, projectId: string, userId?: string): Promise<Quotas> {
  const limits = userId === undefined ? await projectLimits(nova, projectId) : await userLimits(nova, projectId, userId)
  return { limits, used: await countUse(nova.api.read, projectId, userId) }
}

export async function showProjectQuotas(nova: Nova, ctx: RequestContext, projectId: string, userId?: string): Promise<Quotas> {
  await requireProject(nova, ctx, projectId)
  return showQuotas(nova, projectId, userId)
}

export interface QuotaChange {
  readonly limits: Partial<Record<QuotaResource, number>>
  /** Also below what is used already. */
  readonly force: boolean
}

/** @throws BadRequest for a limit below what is used, or a user's above what the project has left */
export async function changeQuotas(nova: Nova, ctx: RequestContext, projectId: string, userId: string | undefined, change: QuotaChange): Promise<Amounts> {
  await requireProject(nova, ctx, projectId)
  await nova.api.transaction(async (tx) => {
    if (!change.force) await checkRange(nova, tx, projectId, userId, change.limits)
    await setProjectLimits(tx, projectId, userId ?? '', change.limits as Record<string, number>, now(nova))
  })
  return userId === undefined ? projectLimits(nova, projectId) : userLimits(nova, projectId, userId)
}

async function checkRange(nova: Nova, tx: Db<ApiTables>, projectId: string, userId: string | undefined, limits: QuotaChange['limits']): Promise<void> {
  const used = await countUse(tx, projectId, userId)
  const ofUsers = await userLimitSums(tx, projectId, userId)
  const ofProject = userId === undefined ? undefined : await projectLimits(nova, projectId, tx)
  const asNumber = (limit: number) => (limit === unlimited ? Number.POSITIVE_INFINITY : limit)
  for (const [resource, limit] of Object.entries(limits) as [QuotaResource, number][]) {
    const given = ofUsers.get(resource) ?? 0
    const least = ofProject ? used[resource] : Math.max(used[resource], given)
    if (asNumber(limit) < least) throw new BadRequest(`Quota limit ${limit} for ${resource} must be greater than or equal to already used and reserved ${least}.`)
    const most = ofProject ? asNumber(ofProject[resource]) - given : Number.POSITIVE_INFINITY
    if (asNumber(limit) > most) throw new BadRequest(`Quota limit ${limit} for ${resource} must be less than or equal to ${most}.`)
  }
}

/** Back to the defaults: a user's limits, or the project's with those of all its users. */
export async function resetQuotas(nova: Nova, projectId: string, userId?: string): Promise<void> {
  await nova.api.transaction((tx) => dropProjectLimits(tx, projectId, userId))
}

export async function defaultQuotas(nova: Nova, ctx: RequestContext, projectId: string): Promise<Amounts> {
  await requireProject(nova, ctx, projectId)
  return classLimits(nova, 'default')
}

export async function changeClass(nova: Nova, className: string, limits: QuotaChange['limits']): Promise<Amounts> {
  await nova.api.transaction((tx) => setClassLimits(tx, className, limits as Record<string, number>, now(nova)))
  return classLimits(nova, className)
}
