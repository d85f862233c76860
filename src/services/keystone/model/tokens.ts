// What a token claims, and what keystone finds behind the claims.

export type Scope =
  | { readonly kind: 'unscoped' }
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'domain'; readonly id: string }
  | { readonly kind: 'system' }

export interface TokenClaims {
  readonly userId: string
  readonly methods: readonly string[]
  readonly scope: Scope
  /** In whole seconds. */
  readonly expiresAt: Date
  /** To the millisecond: what was revoked in the same second is told from what was issued after it. */
  readonly issuedAt: Date
  /** Its own, and for a token made from another the first of the chain. */
  readonly auditIds: readonly string[]
}

export interface DomainRef {
  readonly id: string
  readonly name: string
}

export interface RoleRef {
  readonly id: string
  readonly name: string
}

/** A claim with what it refers to: all of it exists and is enabled. */
export interface TokenModel extends TokenClaims {
  readonly user: { readonly id: string; readonly name: string; readonly domain: DomainRef; readonly passwordExpiresAt: string | null }
  readonly project?: { readonly id: string; readonly name: string; readonly domain: DomainRef }
  readonly domain?: DomainRef
  readonly roles: readonly RoleRef[]
}
