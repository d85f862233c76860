// Tokens: made from claims, and checked anew against users, projects, domains, assignments and revocations.
import type { Identity } from '#core/context'
import { Unauthorized } from '#core/errors'
import { ancestorsOf, assignedRoleIds, findDomain, findScopeProject, findUser, isRevoked, type ScopeTarget } from '../db/tokens.ts'
import { unauthorized } from '../model/errors.ts'
import type { RoleRef, Scope, TokenClaims, TokenModel } from '../model/tokens.ts'
import { fillCatalog } from './catalog.ts'
import { open, seal } from './fernet/fernet.ts'
import { packClaims, unpackClaims } from './fernet/payload.ts'
import { catalog, type Keystone, revoke, roleGraph } from './keystone.ts'
import type { KnownToken } from './remembered.ts'
import { effectiveRoles } from './role-graph.ts'

export interface IssuedToken {
  readonly id: string
  readonly known: KnownToken
}

export interface NewToken {
  readonly userId: string
  readonly methods: readonly string[]
  readonly scope: Scope
  readonly expiresAt: Date
  /** When the log-in began, and in which generation: what is revoked while it is proven covers it. */
  readonly issuedAt: Date
  readonly generation: number
  /** The first audit id of the chain, for a token made from another. */
  readonly chain?: string | undefined
}

/** @throws Unauthorized when user, target or roles do not carry the token */
export async function issueToken(keystone: Keystone, asked: NewToken): Promise<IssuedToken> {
  const { remembered, keys, random } = keystone
  const auditId = random.bytes(16).toString('base64url')
  const auditIds = asked.chain === undefined ? [auditId] : [auditId, asked.chain]
  const found = await findBehind(keystone, asked)
  const { chain: _chain, generation, ...rest } = asked
  const model: TokenModel = { ...rest, ...found, auditIds }
  const primary = keys.keys()[0]
  if (!primary) throw new Error('there is no fernet key')
  const id = seal(primary, packClaims(model), Math.floor(model.issuedAt.getTime() / 1000), random.bytes(16))
  const known: KnownToken = { model, identity: toIdentity(model) }
  remembered.keep(id, known, generation)
  return { id, known }
}

/** Whether a user may have a token for this scope now. */
export async function mayHave(keystone: Keystone, userId: string, scope: Scope): Promise<boolean> {
  return findBehind(keystone, { userId, scope }).then(() => true, (error: unknown) => {
    if (error instanceof Unauthorized) return false
    throw error
  })
}

/**
 * What a token says, if it is valid now.
 *
 * @param graceSeconds how long past its end it still counts
 * @throws Unauthorized
 */
export async function checkToken(keystone: Keystone, id: string | undefined, graceSeconds = 0): Promise<KnownToken> {
  if (id === undefined || id === '') throw unauthorized()
  const { remembered, clock, keys } = keystone
  // Also where the verdict is remembered: a key that is gone voids what it made.
  keys.keys()
  const known = remembered.token(id) ?? (await readToken(keystone, id))
  if (known.model.expiresAt.getTime() + graceSeconds * 1000 <= clock.now().getTime()) throw unauthorized()
  return known
}

async function readToken(keystone: Keystone, id: string): Promise<KnownToken> {
  const { remembered } = keystone
  const { generation } = remembered
  const claims = readClaims(keystone, id)
  if (!claims) throw unauthorized()
  const latest = claims.expiresAt.getTime() + keystone.options.allow_expired_window * 1000
  if (latest <= keystone.clock.now().getTime()) throw unauthorized()
  const found = await findBehind(keystone, claims)
  const revoked = await isRevoked(keystone.database.read, { ...revocableBy(found), auditIds: claims.auditIds, issuedAt: claims.issuedAt.getTime() })
  if (revoked) throw unauthorized()
  const model: TokenModel = { ...claims, ...found }
  const known: KnownToken = { model, identity: toIdentity(model) }
  remembered.keep(id, known, generation)
  return known
}

function readClaims({ keys }: Keystone, id: string): TokenClaims | undefined {
  const opened = open(keys.keys(), id)
  return opened && unpackClaims(opened.message, opened.madeAtSeconds)
}

export async function revokeToken(keystone: Keystone, { model }: KnownToken): Promise<void> {
  const auditId = model.auditIds[0]
  if (auditId !== undefined) await keystone.database.transaction((tx) => revoke(keystone, tx, 'audit', auditId))
}

type Behind = Pick<TokenModel, 'user' | 'project' | 'domain' | 'roles'>

/** User, project and domain, all enabled, and the roles that hold now. @throws Unauthorized */
async function findBehind(keystone: Keystone, { userId, scope }: Pick<TokenClaims, 'userId' | 'scope'>): Promise<Behind> {
  const { read } = keystone.database
  const row = await findUser(read, userId)
  if (!row || row.enabled === 0 || row.domain_enabled === 0) throw unauthorized()
  const user = { id: row.id, name: row.name, domain: { id: row.domain_id, name: row.domain_name }, passwordExpiresAt: row.password_expires_at }
  switch (scope.kind) {
    case 'unscoped':
      return { user, roles: [] }
    case 'system':
      return { user, roles: await rolesOn(keystone, userId, { type: 'system' }) }
    case 'domain': {
      const domain = await findDomain(read, { id: scope.id })
      if (!domain || domain.enabled === 0) throw unauthorized()
      const roles = await rolesOn(keystone, userId, { type: 'domain', id: domain.id })
      return { user, domain: { id: domain.id, name: domain.name }, roles }
    }
    case 'project': {
      const project = await findScopeProject(read, scope.id)
      if (!project || project.enabled === 0 || project.domain_enabled === 0) throw unauthorized()
      const ancestors = project.parent_id === project.domain_id ? [] : await ancestorsOf(read, project)
      const target: ScopeTarget = { type: 'project', id: project.id, domainId: project.domain_id, ancestorIds: ancestors.map((each) => each.id) }
      const roles = await rolesOn(keystone, userId, target)
      return { user, project: { id: project.id, name: project.name, domain: { id: project.domain_id, name: project.domain_name } }, roles }
    }
  }
}

async function rolesOn(keystone: Keystone, userId: string, target: ScopeTarget): Promise<readonly RoleRef[]> {
  const roles = effectiveRoles(await roleGraph(keystone), await assignedRoleIds(keystone.database.read, userId, target))
  if (roles.length === 0) throw unauthorized()
  return roles
}

function revocableBy({ user, project, domain }: Behind) {
  return {
    userId: user.id,
    projectIds: project ? [project.id] : [],
    domainIds: [user.domain.id, ...(project ? [project.domain.id] : []), ...(domain ? [domain.id] : [])],
  }
}

function toIdentity(model: TokenModel): Identity {
  const { user, project, domain, scope, auditIds, roles, expiresAt } = model
  return {
    userId: user.id, userName: user.name, userDomainId: user.domain.id, userDomainName: user.domain.name,
    ...(project && { projectId: project.id, projectName: project.name, projectDomainId: project.domain.id, projectDomainName: project.domain.name }),
    ...(domain && { domainId: domain.id, domainName: domain.name }),
    ...(scope.kind === 'system' && { system: true }),
    ...(auditIds[0] !== undefined && { auditId: auditIds[0] }),
    roles: roles.map((role) => role.name), expiresAt,
  }
}

/** The token's description as JSON text (keystone/common/render_token.py), made once per verdict. */
export async function describeToken(keystone: Keystone, known: KnownToken, withCatalog: boolean): Promise<string> {
  const { model } = known
  if (!withCatalog || model.scope.kind === 'unscoped') return (known.plain ??= JSON.stringify({ token: viewToken(model) }))
  if (known.withCatalog !== undefined) return known.withCatalog
  const entries = fillCatalog(await catalog(keystone), { project_id: model.project?.id, user_id: model.user.id })
  return (known.withCatalog = JSON.stringify({ token: { ...viewToken(model), catalog: entries } }))
}

/** Whole seconds, written with the fraction that clients have come to expect. */
const micros = (time: Date): string => time.toISOString().replace(/\.\d+Z$/, '.000000Z')

function viewToken(model: TokenModel) {
  const { user, project, domain, scope, roles } = model
  return {
    methods: model.methods,
    user: { domain: user.domain, id: user.id, name: user.name, password_expires_at: user.passwordExpiresAt },
    audit_ids: model.auditIds, expires_at: micros(model.expiresAt), issued_at: micros(model.issuedAt),
    ...(scope.kind === 'system' && { system: { all: true } }),
    ...(domain && { domain }),
    ...(project && { project: { domain: project.domain, id: project.id, name: project.name }, is_domain: false }),
    ...(scope.kind !== 'unscoped' && { roles }),
  }
}
