// What cinder's stories work with: its database, its operations, its bus and its neighbours.
import type { Credentials, ServiceTarget } from '#core/client'
import type { Capabilities, RequestContext } from '#core/context'
import type { Database } from '#core/db'
import { Forbidden } from '#core/errors'
import type { Operations } from '#core/operations'
import type { Policy } from '#core/policy'
import type { Bus, RpcClient } from '#core/rpc'
import type { ServiceName } from '#core/service'
import type { Recorder } from '#core/trace'
import type { schedulerRpc, volumeRpc } from '#contract/cinder'
import type { CinderTables } from '../db/tables.ts'
import type { Settings } from '../config.ts'
import type { ServiceView } from './service-view.ts'

export interface Cinder extends Capabilities {
  readonly database: Database<CinderTables>
  readonly operations: Operations<Cinder>
  readonly settings: Settings
  readonly policy: Policy
  readonly bus: Bus
  readonly scheduler: RpcClient<typeof schedulerRpc>
  readonly volumes: RpcClient<typeof volumeRpc>
  /** Which roles live, as they report. */
  readonly alive: ServiceView
  /** Monotonic: since when this role hears them. */
  readonly startedAt: number
  readonly trace: Recorder
  readonly credentials: Credentials
  readonly services: Readonly<Record<ServiceName, ServiceTarget>>
}

declare const allowed: unique symbol
/** A thing that the caller was found to have the right to change. */
export type Allowed<T> = T & { readonly [allowed]: true }

/** @throws Forbidden */
export function authorize<T extends { readonly projectId: string }>(cinder: Pick<Cinder, 'policy'>, ctx: RequestContext, rule: string, target: T): Allowed<T> {
  if (!cinder.policy.allows(rule, ctx.identity, { project_id: target.projectId })) throw new Forbidden(`Policy doesn't allow ${rule} to be performed.`)
  return target as Allowed<T>
}

export function may(cinder: Pick<Cinder, 'policy'>, ctx: RequestContext, rule: string, projectId: string | undefined): boolean {
  return cinder.policy.allows(rule, ctx.identity, { project_id: projectId })
}

export function isAdmin(ctx: RequestContext): boolean {
  return ctx.identity.roles.some((role) => role.toLowerCase() === 'admin')
}

/** Whether a service of the cloud speaks, for the user or for itself. */
export function isService(ctx: RequestContext): boolean {
  return ctx.identity.serviceRoles?.includes('service') === true
}

/** The project whose things a caller sees; none for those who see all. */
export function seenFrom(ctx: RequestContext): string | undefined {
  return isAdmin(ctx) ? undefined : (ctx.identity.projectId ?? '')
}
