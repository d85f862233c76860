// What a role is given to run with, and what a service says of itself. A process is a set of roles.
import type { Section, Settings } from '#core/config'
import type { Credentials, ServiceTarget } from '#core/client'
import { type Capabilities, type Identity, neverAborted, type RequestContext } from '#core/context'
import type { Change, Database, Migration } from '#core/db'
import type { Authenticate, Transport } from '#core/http'
import type { Privileged, ProcessRunner } from '#core/process'
import type { Bus } from '#core/rpc'
import type { Recorder } from '#core/trace'
import type { Stage } from './stage.ts'

export type ServiceName = 'keystone' | 'glance' | 'placement' | 'nova' | 'neutron' | 'cinder' | 'nimbo'

export interface Runtime extends Capabilities {
  /** The name by which this host is known to the cloud. */
  readonly host: string
  readonly region: string
  /** All that the cloud owns on this host lies below it. */
  readonly dataDirectory: string
  readonly bus: Bus
  readonly trace: Recorder
  /** Where each API is reached from here. */
  readonly services: Readonly<Record<ServiceName, ServiceTarget>>
  /** Where clients reach keystone, for `WWW-Authenticate`. */
  readonly authUrl: string
  /** Tokens of the service's own, and delegated ones. */
  readonly credentials: Credentials
  /** Checks the tokens of requests by asking keystone. */
  readonly authenticate: Authenticate
  readonly processes: ProcessRunner
  /** Absent without root: then only fake drivers can run. */
  readonly privileged?: Privileged
  /** What drivers of real engines must know of this machine; present where `privileged` is. */
  readonly machine?: Machine
  /** One handle per database and process, migrated when first opened; `changes` leave events from then on. */
  database<T>(name: string, migrations: readonly Migration[], changes?: readonly Change[]): Promise<Database<T>>
  /** The values of a section of the configuration. */
  config<S extends Section>(section: S): Settings<S>
  readonly driver: 'fake' | 'real'
  /** Present in the simulation only. */
  readonly stage?: Stage
  /** The fabric's network namespace, where QEMU and the network engine run. */
  readonly fabric: string
  readonly checkReplies: boolean
}

export interface Machine {
  /** Names of kernel objects begin with it. */
  readonly prefix: string
  /** The user that QEMU runs as. */
  readonly qemuUid: number
  /** The two ends of the link between the host and the fabric. */
  readonly link: { readonly host: string; readonly fabric: string }
}

export interface Role {
  /** Present for a role that answers HTTP. */
  readonly transport?: Transport
  /** Present where there is something to wait for before the cloud is called ready: a host that has reported, for instance. */
  readonly ready?: Promise<void>
  stop(): Promise<void> | void
}

export interface Service {
  readonly name: ServiceName
  /** What can be configured, for the file, the sample and the environment. */
  readonly options?: Section
  readonly roles: Readonly<Record<string, (runtime: Runtime) => Promise<Role>>>
}

export function defineService(service: Service): Service {
  return service
}

/** How a service calls another one while a user's request lasts: with the user's token and its own. */
export async function onBehalfOf(runtime: Pick<Runtime, 'credentials'>, ctx: RequestContext): Promise<{ token: string; serviceToken: string; requestId: string; traceId?: string; signal: AbortSignal }> {
  const serviceToken = await runtime.credentials.service()
  const token = ctx.token ?? (await runtime.credentials.delegated(ctx.identity))
  return { token, serviceToken, requestId: ctx.requestId, signal: ctx.signal, ...(ctx.traceId !== undefined && { traceId: ctx.traceId }) }
}

/** The same as the service itself. */
export async function asService(runtime: Pick<Runtime, 'credentials'>, ctx: Pick<RequestContext, 'requestId' | 'traceId' | 'signal'>): Promise<{ token: string; serviceToken: string; requestId: string; traceId?: string; signal: AbortSignal }> {
  const token = await runtime.credentials.service()
  return { token, serviceToken: token, requestId: ctx.requestId, signal: ctx.signal, ...(ctx.traceId !== undefined && { traceId: ctx.traceId }) }
}


/** A context for work that no request began: periodic tasks, reports of hosts. */
export function ownContext(runtime: Pick<Runtime, 'ids' | 'log'>, name: string): RequestContext {
  const identity: Identity = { userId: name, userName: name, userDomainId: 'default', userDomainName: 'Default', roles: ['admin', 'service'] }
  return { requestId: runtime.ids.requestId(), identity, signal: neverAborted(), log: runtime.log }
}
