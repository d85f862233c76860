// What issuing and checking a token asks of the database: user, project, domain, assignments and revocations.
import type { Db } from '#core/db'
import type { RevocationKind, Tables } from './tables.ts'

export type UserRow = Tables['users']
export type ProjectRow = Tables['projects']

export interface UserWithDomain extends UserRow {
  readonly domain_name: string
  readonly domain_enabled: number
}

const userWithDomain = (db: Db<Tables>) =>
  db.selectFrom('users').innerJoin('projects as domains', 'domains.id', 'users.domain_id').selectAll('users')
    .select(['domains.name as domain_name', 'domains.enabled as domain_enabled'])

export function findUser(db: Db<Tables>, id: string): Promise<UserWithDomain | undefined> {
  return userWithDomain(db).where('users.id', '=', id).executeTakeFirst()
}

export function findUserByName(db: Db<Tables>, name: string, domain: { id?: string; name?: string }): Promise<UserWithDomain | undefined> {
  const named = userWithDomain(db).where('users.name', '=', name)
  return (domain.id !== undefined ? named.where('domains.id', '=', domain.id) : named.where('domains.name', '=', domain.name ?? '')).executeTakeFirst()
}

export interface ProjectWithDomain extends ProjectRow {
  readonly domain_name: string
  readonly domain_enabled: number
}

const projectWithDomain = (db: Db<Tables>) =>
  db.selectFrom('projects').innerJoin('projects as domains', 'domains.id', 'projects.domain_id').selectAll('projects')
    .select(['domains.name as domain_name', 'domains.enabled as domain_enabled'])

/** A project proper: one that acts as a domain is none to scope to. */
export function findScopeProject(db: Db<Tables>, id: string): Promise<ProjectWithDomain | undefined> {
  return projectWithDomain(db).where('projects.id', '=', id).executeTakeFirst()
}

export function findScopeProjectByName(db: Db<Tables>, name: string, domain: { id?: string; name?: string }): Promise<ProjectWithDomain | undefined> {
  const named = projectWithDomain(db).where('projects.name', '=', name)
  return (domain.id !== undefined ? named.where('domains.id', '=', domain.id) : named.where('domains.name', '=', domain.name ?? '')).executeTakeFirst()
}

export function findDomain(db: Db<Tables>, domain: { id?: string; name?: string }): Promise<ProjectRow | undefined> {
  const all = db.selectFrom('projects').selectAll().where('is_domain', '=', 1)
  return (domain.id !== undefined ? all.where('id', '=', domain.id) : all.where('name', '=', domain.name ?? '')).executeTakeFirst()
}

/** The projects above one, from its parent up, its domain last. */
export async function ancestorsOf(db: Db<Tables>, project: Pick<ProjectRow, 'parent_id' | 'domain_id'>): Promise<ProjectRow[]> {
  const above: ProjectRow[] = []
  let next = project.parent_id
  while (next !== '' && above.length < 64) {
    const row = await db.selectFrom('projects').selectAll().where('id', '=', next).executeTakeFirst()
    if (!row) break
    above.push(row)
    next = row.parent_id
  }
  return above
}

export type ScopeTarget =
  | { readonly type: 'system' }
  | { readonly type: 'domain'; readonly id: string }
  | { readonly type: 'project'; readonly id: string; readonly domainId: string; readonly ancestorIds: readonly string[] }

/** The roles that a user has on a target: its own, those of its groups, and those inherited from above. */
export async function assignedRoleIds(db: Db<Tables>, userId: string, target: ScopeTarget): Promise<string[]> {
  const rows = await db.selectFrom('assignments').select('role_id').distinct()
    .where((where) => where.or([
      where.and([where('actor_type', '=', 'user'), where('actor_id', '=', userId)]),
      where.and([
        where('actor_type', '=', 'group'),
        where('actor_id', 'in', where.selectFrom('memberships').select('memberships.group_id').where('memberships.user_id', '=', userId)),
      ]),
    ]))
    .where((where) => {
      if (target.type === 'system') return where.and([where('target_type', '=', 'system'), where('target_id', '=', 'system')])
      const own = where.and([where('target_type', '=', target.type), where('target_id', '=', target.id), where('inherited', '=', 0)])
      if (target.type === 'domain') return own
      const fromDomain = where.and([where('target_type', '=', 'domain'), where('target_id', '=', target.domainId), where('inherited', '=', 1)])
      if (target.ancestorIds.length === 0) return where.or([own, fromDomain])
      const fromAbove = where.and([where('target_type', '=', 'project'), where('target_id', 'in', target.ancestorIds), where('inherited', '=', 1)])
      return where.or([own, fromDomain, fromAbove])
    })
    .execute()
  return rows.map((row) => row.role_id)
}

export interface RevocationQuery {
  readonly auditIds: readonly string[]
  readonly userId: string
  readonly projectIds: readonly string[]
  readonly domainIds: readonly string[]
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

export async function isRevoked(db: Db<Tables>, query: RevocationQuery): Promise<boolean> {
  const row = await db.selectFrom('revocations').select('id')
    .where((where) => where.or([
      where.and([where('kind', '=', 'audit'), where('value', 'in', query.auditIds)]),
      where.and([where('kind', '=', 'user'), where('value', '=', query.userId), where('issued_before', '>=', query.issuedAt)]),
      ...(query.projectIds.length > 0 ? [where.and([where('kind', '=', 'project'), where('value', 'in', query.projectIds), where('issued_before', '>=', query.issuedAt)])] : []),
      where.and([where('kind', '=', 'domain'), where('value', 'in', query.domainIds), where('issued_before', '>=', query.issuedAt)]),
    ]))
    .limit(1).executeTakeFirst()
  return row !== undefined
}

/** The latest moment up to which something was revoked, in milliseconds since 1970, or 0. */
export async function lastRevocation(db: Db<Tables>): Promise<number> {
  const row = await db.selectFrom('revocations').select((select) => select.fn.max('issued_before').as('last')).executeTakeFirst()
  return Number(row?.last ?? 0)
}

export interface NewRevocation {
  readonly id: string
  readonly kind: RevocationKind
  readonly value: string
  /** Milliseconds since 1970, as are the others. */
  readonly issuedBefore: number
  readonly now: number
  /** Revocations older than this concern no token that could still be valid. */
  readonly forgetBefore: number
}

export async function insertRevocation(tx: Db<Tables>, { id, kind, value, issuedBefore, now, forgetBefore }: NewRevocation): Promise<void> {
  await tx.deleteFrom('revocations').where('revoked_at', '<', forgetBefore).execute()
  await tx.insertInto('revocations').values({ id, kind, value, issued_before: issuedBefore, revoked_at: now }).execute()
}

export async function noteFailedLogin(tx: Db<Tables>, userId: string, at: string, restart: boolean): Promise<void> {
  await tx.updateTable('users').set((set) => ({ failed_count: restart ? 1 : set('failed_count', '+', 1), failed_at: at })).where('id', '=', userId).execute()
}

export async function forgetFailedLogins(tx: Db<Tables>, userId: string): Promise<void> {
  await tx.updateTable('users').set({ failed_count: 0, failed_at: null }).where('id', '=', userId).execute()
}
