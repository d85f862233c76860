// Who asks, in which request, and for which trace: the value that every domain function takes along.
import type { Logger } from '../observe/log.ts'

/** The verified identity behind a request, as keystone described its token. */
export interface Identity {
  readonly userId: string
  readonly userName: string
  readonly userDomainId: string
  readonly userDomainName: string
  /** Present for a project-scoped token. */
  readonly projectId?: string
  readonly projectName?: string
  readonly projectDomainId?: string
  readonly projectDomainName?: string
  /** Present for a domain-scoped token. */
  readonly domainId?: string
  readonly domainName?: string
  /** True for a system-scoped token. */
  readonly system?: boolean
  /** Role names, implied roles included. */
  readonly roles: readonly string[]
  /** Roles of the service token that came along, when one did. */
  readonly serviceRoles?: readonly string[]
  /** The token's first audit id: joins the trace of a log-in to what was done with it. */
  readonly auditId?: string
  readonly expiresAt?: Date
}

/** Times are milliseconds since 1970. */
export interface Arrival {
  readonly receivedAt: number
  readonly tokenCheckStartedAt: number
  readonly tokenCheckEndedAt: number
  /** The verdict came from the cache of this role, not from keystone. */
  readonly tokenFromCache: boolean
}

export interface RequestContext {
  readonly requestId: string
  /** The request id of the service that called us, when one did. */
  readonly globalRequestId?: string
  readonly identity: Identity
  /** The token as it came, for calls on the user's behalf while the request lasts. Never stored. */
  readonly token?: string
  /** Present while a boot is traced: joins its steps through all services and roles. */
  readonly traceId?: string
  /** When the request came and how its token was checked, for the trace. */
  readonly arrival?: Arrival
  /** Makes a repeated internal create answer its first answer (DESIGN.md, Idempotency key). */
  readonly idempotencyKey?: string
  /** Operations that this request began, or found under way, for its answer; those that begin one add to it. */
  readonly begun?: string[]
  /** The operation that this is done for, when one did it. */
  readonly operationId?: string
  readonly signal: AbortSignal
  readonly log: Logger
}
