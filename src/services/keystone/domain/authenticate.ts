// Logging in: who it is, by password, by another token or by a service that acts for somebody; then for what.
import type { Identity } from '#core/context'
import { Unauthorized } from '#core/errors'
import type { Verified } from '#core/http'
import { findDomain, findScopeProject, findScopeProjectByName, findUser, findUserByName, forgetFailedLogins, noteFailedLogin, type UserWithDomain } from '../db/tokens.ts'
import { missing, Refused, tokenNotFound, unauthorized, ValidationError } from '../model/errors.ts'
import type { Scope } from '../model/tokens.ts'
import { type Keystone, moment } from './keystone.ts'
import { checkToken, type IssuedToken, issueToken, mayHave } from './tokens.ts'

export interface DomainWish {
  readonly id?: string
  readonly name?: string
}

export interface UserWish {
  readonly id?: string
  readonly name?: string
  readonly domain?: DomainWish
}

export interface LogIn {
  readonly identity: {
    readonly methods: readonly string[]
    readonly password?: { readonly user?: UserWish & { readonly password?: string } }
    readonly token?: { readonly id: string }
    readonly delegation?: { readonly user?: { readonly id?: string } }
  }
  readonly scope?: string | { readonly project?: UserWish; readonly domain?: DomainWish; readonly system?: { readonly all?: unknown }; readonly unscoped?: unknown }
}

interface Proven {
  readonly userId: string
  readonly methods: readonly string[]
  readonly expiresAt: Date
  readonly chain?: string | undefined
}

/** Anybody's, and the one of our services. */
const publicMethods = ['password', 'token']
const knownMethods = [...publicMethods, 'delegation']
const mostMethods = 8

/** @param callerToken the token of the service that asks for a delegation @throws Unauthorized, NotFound, Refused, ValidationError */
export async function logIn(keystone: Keystone, auth: LogIn, callerToken: string | undefined): Promise<IssuedToken> {
  const { generation } = keystone.remembered
  const issuedAt = await moment(keystone, keystone.database.read)
  const proven = await prove(keystone, auth, callerToken)
  const scope = await chooseScope(keystone, auth, proven)
  return issueToken(keystone, { userId: proven.userId, methods: proven.methods, scope, expiresAt: proven.expiresAt, issuedAt, generation, chain: proven.chain })
}

async function prove(keystone: Keystone, { identity }: LogIn, callerToken: string | undefined): Promise<Proven> {
  // A long list is refused before any of it is tried (CVE-2014-2828).
  if (identity.methods.length === 0 || identity.methods.length > mostMethods) throw new ValidationError('Invalid number of authentication methods.')
  const methods = [...new Set(identity.methods)]
  for (const method of methods) if (!(method in identity)) throw missing(method, 'identity')
  for (const method of methods) {
    if (!knownMethods.includes(method)) throw new Unauthorized('Attempted to authenticate with an unsupported method.', { identity: { methods: publicMethods } })
  }
  if (methods.includes('delegation') && methods.length > 1) throw new ValidationError('A delegation is asked for alone.')
  const results: Proven[] = []
  for (const method of methods) {
    if (method === 'password') results.push(await byPassword(keystone, identity.password?.user ?? {}))
    else if (method === 'token') results.push(await byToken(keystone, identity.token?.id))
    else results.push(await byDelegation(keystone, identity.delegation?.user?.id, callerToken))
  }
  const [first] = results
  if (!first || results.some((each) => each.userId !== first.userId)) throw unauthorized()
  return {
    ...first,
    methods: knownMethods.filter((method) => results.some((each) => each.methods.includes(method))),
    expiresAt: new Date(Math.min(...results.map((each) => each.expiresAt.getTime()))),
    chain: results.find((each) => each.chain !== undefined)?.chain,
  }
}

async function byPassword(keystone: Keystone, wish: UserWish & { readonly password?: string }): Promise<Proven> {
  if (wish.id === undefined && wish.name === undefined) throw new ValidationError('Invalid input for field identity/password/user: id or name must be present.')
  if (wish.id === undefined && (wish.domain === undefined || (wish.domain.id === undefined && wish.domain.name === undefined))) {
    throw missing('domain', 'user')
  }
  const { read } = keystone.database
  const user = wish.id !== undefined ? await findUser(read, wish.id) : await findUserByName(read, wish.name ?? '', wish.domain ?? {})
  await checkPassword(keystone, user, wish.password ?? '', JSON.stringify([wish.id ?? wish.name, wish.domain]))
  if (!user) throw unauthorized()
  return { userId: user.id, methods: ['password'], expiresAt: after(keystone, keystone.options.expiration) }
}

/** The same work and the same answer whether the user is unknown, disabled, locked, or the password wrong. @throws Unauthorized */
export async function checkPassword(keystone: Keystone, user: UserWithDomain | undefined, password: string, asked: string): Promise<void> {
  const { database, clock, options, passwords } = keystone
  const matches = await passwords.matches(password, user?.password_hash, asked)
  if (!user || user.enabled === 0 || user.domain_enabled === 0 || isLocked(keystone, user)) throw unauthorized()
  if (!matches) {
    // A lock that is over begins a new count.
    const restart = user.failed_count >= options.lockout_failure_attempts
    if (options.lockout_failure_attempts > 0) await database.transaction((tx) => noteFailedLogin(tx, user.id, clock.now().toISOString(), restart))
    throw unauthorized()
  }
  if (user.failed_count > 0) await database.transaction((tx) => forgetFailedLogins(tx, user.id))
  if (user.password_expires_at !== null && Date.parse(user.password_expires_at) <= clock.now().getTime() && !ignores(user, 'ignore_password_expiry')) {
    throw new Unauthorized(`The password is expired and needs to be changed for user: ${user.id}.`)
  }
}

function isLocked({ options, clock }: Keystone, user: UserWithDomain): boolean {
  if (options.lockout_failure_attempts === 0 || user.failed_count < options.lockout_failure_attempts || user.failed_at === null) return false
  if (ignores(user, 'ignore_lockout_failure_attempts')) return false
  return Date.parse(user.failed_at) + options.lockout_duration * 1000 > clock.now().getTime()
}

function ignores(user: UserWithDomain, option: string): boolean {
  return (JSON.parse(user.options) as Record<string, unknown>)[option] === true
}

/** A token made from another ends when that one does (CVE-2012-5563), and goes with the first of its chain. @throws NotFound as upstream for one that is not valid */
async function byToken(keystone: Keystone, id: string | undefined): Promise<Proven> {
  const { model } = await checkToken(keystone, id).catch((error: unknown) => {
    throw error instanceof Unauthorized ? tokenNotFound() : error
  })
  if (model.methods.includes('delegation')) throw new Refused('A delegated token cannot be exchanged for another.')
  return { userId: model.userId, methods: [...new Set([...model.methods, 'token'])], expiresAt: model.expiresAt, chain: model.auditIds.at(-1) }
}

/** A service acts for a user: with its own token, for a short time, with the roles that the user has now. */
async function byDelegation(keystone: Keystone, userId: string | undefined, callerToken: string | undefined): Promise<Proven> {
  const { identity } = await checkToken(keystone, callerToken)
  if (!identity.roles.includes('service')) throw new Refused('Only a service may ask for a delegated token.')
  if (userId === undefined) throw new ValidationError('Invalid input for field identity/delegation/user: id must be present.')
  return { userId, methods: ['delegation'], expiresAt: after(keystone, keystone.options.delegation_expiration) }
}

/** The end of a token made now, in whole seconds. */
function after({ clock }: Keystone, seconds: number): Date {
  return new Date((Math.floor(clock.now().getTime() / 1000) + seconds) * 1000)
}

async function chooseScope(keystone: Keystone, { scope }: LogIn, proven: Proven): Promise<Scope> {
  if (scope === undefined) return defaultScope(keystone, proven)
  if (scope === 'unscoped') return { kind: 'unscoped' }
  if (typeof scope === 'string' || ['project', 'domain', 'system', 'unscoped'].filter((kind) => kind in scope).length !== 1) {
    throw missing('system, project, domain, OS-TRUST:trust or unscoped', 'scope')
  }
  if (scope.system !== undefined) return { kind: 'system' }
  const { read } = keystone.database
  if (scope.domain !== undefined) {
    if (scope.domain.id === undefined && scope.domain.name === undefined) throw new ValidationError('Invalid input for field scope/domain: id or name must be present.')
    const domain = await findDomain(read, scope.domain)
    if (!domain) throw unauthorized()
    return { kind: 'domain', id: domain.id }
  }
  if (scope.project !== undefined) {
    const { id, name, domain } = scope.project
    if (id === undefined && name === undefined) throw new ValidationError('Invalid input for field scope/project: id or name must be present.')
    if (id === undefined && domain === undefined) throw missing('domain', 'project')
    if (id === undefined && domain?.id === undefined && domain?.name === undefined) throw new ValidationError('Invalid input for field scope/project/domain: id or name must be present.')
    const project = id !== undefined ? await findScopeProject(read, id) : await findScopeProjectByName(read, name ?? '', domain ?? {})
    if (!project) throw unauthorized()
    return { kind: 'project', id: project.id }
  }
  return { kind: 'unscoped' }
}

/** The user's default project where the user may use it now, else none; by whatever method the user is known. */
async function defaultScope(keystone: Keystone, { userId }: Proven): Promise<Scope> {
  const projectId = (await findUser(keystone.database.read, userId))?.default_project_id
  if (typeof projectId !== 'string') return { kind: 'unscoped' }
  const scope: Scope = { kind: 'project', id: projectId }
  return (await mayHave(keystone, userId, scope)) ? scope : { kind: 'unscoped' }
}

/** What stands before keystone's own routes: the same check, without a request to itself. */
export async function authenticate(keystone: Keystone, token: string | undefined, serviceToken: string | undefined): Promise<Verified> {
  if (serviceToken === undefined) return { identity: (await checkToken(keystone, token)).identity, fromCache: false }
  const serviceRoles: readonly string[] = (await checkToken(keystone, serviceToken)).identity.roles
  const grace = serviceRoles.includes('service') ? keystone.options.allow_expired_window : 0
  const identity: Identity = { ...(await checkToken(keystone, token, grace)).identity, serviceRoles }
  return { identity, fromCache: false }
}
