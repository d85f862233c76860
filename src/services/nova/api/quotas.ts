// Handlers and views of quotas and limits: which resources each version shows is decided here.
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import type { Version } from '#core/spec'
import type { LimitsWire, limitRoutes, quotaClassRoutes, quotaSetRoutes } from '../contract/quotas.ts'
import { requireRule } from '../domain/authorize.ts'
import { classLimits } from '../domain/limits.ts'
import type { Nova } from '../domain/nova.ts'
import { changeClass, changeQuotas, defaultQuotas, resetQuotas, showProjectQuotas, showQuotas } from '../domain/quotas.ts'
import { type Amounts, fileResources, groupResources, networkResources, type QuotaResource, quotaResources } from '../model/quota.ts'
import { toBoolean, toNumber } from './values.ts'

/** Of several users the first counts, as upstream. */
const userOf = ({ user_id: users }: { user_id?: readonly string[] }): string | undefined => users?.[0]

function without(...hidden: readonly (readonly QuotaResource[])[]): QuotaResource[] {
  const names = hidden.flat()
  return quotaResources.filter((resource) => !names.includes(resource))
}

const latest = without(networkResources, fileResources)

function ofProjects(version: Version): readonly QuotaResource[] {
  return version.atLeast('2.57') ? latest : version.atLeast('2.36') ? without(networkResources) : quotaResources
}

function ofClasses(version: Version): readonly QuotaResource[] {
  return version.atLeast('2.57') ? latest : version.atLeast('2.50') ? without(networkResources) : without(groupResources)
}

function pick<V>(resources: readonly QuotaResource[], value: (resource: QuotaResource) => V): Partial<Record<QuotaResource, V>> {
  return Object.fromEntries(resources.map((resource) => [resource, value(resource)])) as Partial<Record<QuotaResource, V>>
}

function newLimits(asked: LimitsWire): Partial<Record<QuotaResource, number>> {
  return Object.fromEntries(Object.entries(asked).map(([resource, limit]) => [resource, toNumber(limit)])) as Partial<Record<QuotaResource, number>>
}

export const quotaSetHandlers = (nova: Nova): Handlers<typeof quotaSetRoutes> => ({
  async showQuotaSet({ ctx, params: { id }, query, version }) {
    requireRule(nova, ctx, 'os_compute_api:os-quota-sets:show', { project_id: id })
    const { limits } = await showProjectQuotas(nova, ctx, id, userOf(query))
    return { status: 200, body: { quota_set: { id, ...viewLimits(limits, ofProjects(version)) } } }
  },
  async showQuotaSetInDetail({ ctx, params: { id }, query, version }) {
    requireRule(nova, ctx, 'os_compute_api:os-quota-sets:detail', { project_id: id })
    const { limits, used } = await showProjectQuotas(nova, ctx, id, userOf(query))
    // Nothing is reserved any more: what is claimed is a row.
    const details = pick(ofProjects(version), (resource) => ({ limit: limits[resource], in_use: used[resource], reserved: 0 }))
    return { status: 200, body: { quota_set: { id, ...details } } }
  },
  async showDefaultQuotaSet({ ctx, params: { id }, version }) {
    requireRule(nova, ctx, 'os_compute_api:os-quota-sets:defaults', { project_id: id })
    return { status: 200, body: { quota_set: { id, ...viewLimits(await defaultQuotas(nova, ctx, id), ofProjects(version)) } } }
  },
  async updateQuotaSet({ ctx, params: { id }, query, body, version }) {
    requireRule(nova, ctx, 'os_compute_api:os-quota-sets:update', { project_id: id })
    const { force = false, ...asked } = body.quota_set
    const limits = await changeQuotas(nova, ctx, id, userOf(query), { limits: newLimits(asked), force: toBoolean(force) })
    return { status: 200, body: { quota_set: viewLimits(limits, ofProjects(version)) } }
  },
  async deleteQuotaSet({ ctx, params: { id }, query }) {
    requireRule(nova, ctx, 'os_compute_api:os-quota-sets:delete', { project_id: id })
    await resetQuotas(nova, id, userOf(query))
    return { status: 202 }
  },
})

export const quotaClassHandlers = (nova: Nova): Handlers<typeof quotaClassRoutes> => ({
  async showQuotaClass({ params: { id }, version }) {
    return { status: 200, body: { quota_class_set: { id, ...viewLimits(await classLimits(nova, id), ofClasses(version)) } } }
  },
  async updateQuotaClass({ params: { id }, body, version }) {
    return { status: 200, body: { quota_class_set: viewLimits(await changeClass(nova, id, newLimits(body.quota_class_set)), ofClasses(version)) } }
  },
})

function viewLimits(limits: Amounts, resources: readonly QuotaResource[]) {
  return pick(resources, (resource) => limits[resource])
}

const limitNames: Partial<Record<QuotaResource, readonly string[]>> = {
  ram: ['maxTotalRAMSize'], instances: ['maxTotalInstances'], cores: ['maxTotalCores'], key_pairs: ['maxTotalKeypairs'], floating_ips: ['maxTotalFloatingIps'],
  metadata_items: ['maxServerMeta', 'maxImageMeta'], injected_files: ['maxPersonality'], injected_file_content_bytes: ['maxPersonalitySize'],
  security_groups: ['maxSecurityGroups'], security_group_rules: ['maxSecurityGroupRules'], server_groups: ['maxServerGroups'], server_group_members: ['maxServerGroupMembers'],
}
const usedNames: Partial<Record<QuotaResource, string>> = {
  ram: 'totalRAMUsed', cores: 'totalCoresUsed', instances: 'totalInstancesUsed', floating_ips: 'totalFloatingIpsUsed', security_groups: 'totalSecurityGroupsUsed',
  server_groups: 'totalServerGroupsUsed',
}

export const limitHandlers = (nova: Nova): Handlers<typeof limitRoutes> => ({
  async showLimits({ ctx, query, version }) {
    const other = query.tenant_id?.at(-1)
    if (other !== undefined) requireRule(nova, ctx, 'os_compute_api:limits:other_project', { project_id: ctx.identity.projectId })
    const projectId = other ?? ctx.identity.projectId
    if (projectId === undefined) throw new BadRequest('The token is for no project; name one by tenant_id.')
    const { limits, used } = await showQuotas(nova, projectId)
    const absolute: Record<string, number> = {}
    for (const resource of ofProjects(version)) {
      for (const name of limitNames[resource] ?? []) {
        if (name !== 'maxImageMeta' || !version.atLeast('2.39')) absolute[name] = limits[resource]
      }
      const usedName = usedNames[resource]
      if (usedName !== undefined) absolute[usedName] = used[resource]
    }
    return { status: 200, body: { limits: { rate: [], absolute } } }
  },
})
