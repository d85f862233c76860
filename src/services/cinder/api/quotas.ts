// Handlers of quotas and limits.
import { BadRequest, Forbidden } from '#core/errors'
import type { RequestContext } from '#core/context'
import type { Handlers } from '#core/http'
import type { limitRoutes, quotaRoutes } from '../contract/quotas.ts'
import { dropProjectLimits, setClassLimits, setProjectLimits } from '../db/quotas.ts'
import { type Cinder, isAdmin, may } from '../domain/cinder.ts'
import { defaultLimits, quotaNames, quotasOf } from '../domain/quota.ts'
import { switchOf } from './lists.ts'

const largest = 2_147_483_647
/** Sent along by clients, and meaning nothing (cinder/quota.py, NON_QUOTA_KEYS). */
const ignored = new Set(['tenant_id', 'id', 'force'])

/** Names and amounts as they may be set. @throws BadRequest */
function amounts(asked: Readonly<Record<string, unknown>>, known: readonly string[]): Record<string, number> {
  const set: Record<string, number> = {}
  const wrong = Object.keys(asked).filter((name) => !ignored.has(name) && !known.includes(name))
  if (wrong.length > 0) throw new BadRequest(`Bad key(s) in quota set: ${wrong.join(', ').slice(0, 200)}`)
  for (const [name, value] of Object.entries(asked)) {
    if (ignored.has(name)) continue
    const amount = typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value
    if (typeof amount !== 'number' || !Number.isInteger(amount) || amount < -1 || amount > largest) {
      throw new BadRequest(`Invalid input for field/attribute ${name}. Value: ${String(value).slice(0, 40)}. It is not a whole number from -1 to ${largest}`)
    }
    set[name] = amount
  }
  return set
}

export function quotaHandlers(cinder: Cinder): Handlers<typeof quotaRoutes> {
  const { settings } = cinder
  const checkShow = (ctx: RequestContext, projectId: string): void => {
    if (!may(cinder, ctx, 'volume_extension:quotas:show', projectId)) throw new Forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.")
  }
  const limits = async (projectId: string): Promise<Record<string, number>> =>
    Object.fromEntries(Object.entries(await quotasOf(cinder.database.read, settings, projectId)).map(([name, { limit }]) => [name, limit]))

  return {
    async showQuotas({ ctx, params, query }) {
      checkShow(ctx, params.project_id)
      if (!switchOf(query, 'usage')) return { status: 200, body: { quota_set: { ...(await limits(params.project_id)), id: params.project_id } } }
      const quotas = await quotasOf(cinder.database.read, settings, params.project_id)
      const shown = Object.fromEntries(Object.entries(quotas).map(([name, { limit, inUse }]) => [name, { limit, in_use: inUse, reserved: 0 }]))
      return { status: 200, body: { quota_set: { ...shown, id: params.project_id } } }
    },
    async showDefaultQuotas({ ctx, params }) {
      checkShow(ctx, params.project_id)
      return { status: 200, body: { quota_set: { ...(await defaultLimits(cinder.database.read, settings)), id: params.project_id } } }
    },
    async updateQuotas({ params, body }) {
      const set = amounts(body.quota_set, await quotaNames(cinder.database.read))
      await cinder.database.transaction(async (tx) => {
        const quotas = await quotasOf(tx, settings, params.project_id)
        for (const [name, amount] of Object.entries(set)) {
          const inUse = quotas[name]?.inUse ?? 0
          if (name !== 'per_volume_gigabytes' && amount !== -1 && amount < inUse) {
            throw new BadRequest(`Quota ${name} limit must be equal or greater than existing resources. Current usage is ${inUse} and the requested limit is ${amount}.`)
          }
        }
        await setProjectLimits(tx, params.project_id, set)
      })
      return { status: 200, body: { quota_set: await limits(params.project_id) } }
    },
    async deleteQuotas({ params }) {
      await cinder.database.transaction((tx) => dropProjectLimits(tx, params.project_id))
      return { status: 200 }
    },
    async showQuotaClass({ params }) {
      return { status: 200, body: { quota_class_set: { ...(await defaultLimits(cinder.database.read, settings, params.class_name)), id: params.class_name } } }
    },
    async updateQuotaClass({ params, body }) {
      const set = amounts(body.quota_class_set, await quotaNames(cinder.database.read))
      await cinder.database.transaction((tx) => setClassLimits(tx, params.class_name, set))
      return { status: 200, body: { quota_class_set: await defaultLimits(cinder.database.read, settings, params.class_name) } }
    },
  }
}

export function limitHandlers(cinder: Cinder): Handlers<typeof limitRoutes> {
  return {
    async showLimits({ ctx, version, query }) {
      const asked = isAdmin(ctx) && version.atLeast('3.39') ? (query.project_id ?? query.tenant_id) : undefined
      const projectId = asked ?? ctx.identity.projectId ?? ''
      const quotas = await quotasOf(cinder.database.read, cinder.settings, projectId)
      const of = (name: string) => quotas[name] ?? { limit: -1, inUse: 0 }
      const absolute: Record<string, number> = {
        maxTotalVolumes: of('volumes').limit, maxTotalVolumeGigabytes: of('gigabytes').limit, maxTotalSnapshots: of('snapshots').limit,
        maxTotalBackups: of('backups').limit, maxTotalBackupGigabytes: of('backup_gigabytes').limit,
      }
      if (may(cinder, ctx, 'limits_extension:used_limits', ctx.identity.projectId)) {
        Object.assign(absolute, {
          totalVolumesUsed: of('volumes').inUse, totalGigabytesUsed: of('gigabytes').inUse, totalSnapshotsUsed: 0, totalBackupsUsed: 0, totalBackupGigabytesUsed: 0,
        })
      }
      return { status: 200, body: { limits: { rate: [], absolute } } }
    },
  }
}
