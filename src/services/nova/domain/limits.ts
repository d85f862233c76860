// What a project, or a user in it, may have: the limits set for them, over the default class, over the configuration.
import type { Db } from '#core/db'
import type { NovaSettings } from '../config.ts'
import type { ApiTables } from '../db/api-tables.ts'
import { classLimitsSet, projectLimitsSet } from '../db/quotas.ts'
import { type Amounts, type QuotaResource, quotaResources, unlimited } from '../model/quota.ts'
import type { Nova } from './nova.ts'

function configured(settings: NovaSettings): Amounts {
  return {
    instances: settings.quota_instances, cores: settings.quota_cores, ram: settings.quota_ram, metadata_items: settings.quota_metadata_items,
    key_pairs: settings.quota_key_pairs, server_groups: settings.quota_server_groups, server_group_members: settings.quota_server_group_members,
    injected_files: settings.quota_injected_files, injected_file_content_bytes: settings.quota_injected_file_content_bytes,
    injected_file_path_bytes: settings.quota_injected_file_path_length,
    fixed_ips: unlimited, floating_ips: unlimited, security_groups: unlimited, security_group_rules: unlimited,
  }
}

function over(limits: Amounts, set: ReadonlyMap<string, number>): Amounts {
  return Object.fromEntries(quotaResources.map((resource) => [resource, set.get(resource) ?? limits[resource]])) as Record<QuotaResource, number>
}

export async function classLimits(nova: Nova, className: string, db: Db<ApiTables> = nova.api.read): Promise<Amounts> {
  return over(configured(nova.settings), await classLimitsSet(db, className))
}

/** @param db the open transaction, where one claims against these limits */
export async function projectLimits(nova: Nova, projectId: string, db: Db<ApiTables> = nova.api.read): Promise<Amounts> {
  return over(await classLimits(nova, 'default', db), await projectLimitsSet(db, projectId))
}

/** A user's own limits, over the project's. */
export async function userLimits(nova: Nova, projectId: string, userId: string, db: Db<ApiTables> = nova.api.read): Promise<Amounts> {
  return over(await projectLimits(nova, projectId, db), await projectLimitsSet(db, projectId, userId))
}

/** What one request may ask for: within the project's limits and within the user's own, which were perhaps forced above them. */
export async function requestLimits(nova: Nova, projectId: string, userId: string): Promise<Amounts> {
  const [ofProject, ofUser] = [await projectLimits(nova, projectId), await userLimits(nova, projectId, userId)]
  const tighter = (a: number, b: number) => (a < 0 || b < 0 ? Math.max(a, b) : Math.min(a, b))
  return Object.fromEntries(quotaResources.map((resource) => [resource, tighter(ofProject[resource], ofUser[resource])])) as Record<QuotaResource, number>
}

/** Whether one more is within a limit, of which -1 is none. */
export function hasRoom(limit: number, used: number): boolean {
  return limit < 0 || used < limit
}
