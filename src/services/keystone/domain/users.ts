// Users, their passwords and groups.
import { findProject } from '../db/projects.ts'
import { findUser } from '../db/tokens.ts'
import {
  deleteGroup, deleteMembership, deleteUser, type GroupRow, insertGroup, insertMembership, insertUser, isMember, updateGroup, updateUser, type UserRow,
} from '../db/users.ts'
import { notFound, unauthorized, ValidationError } from '../model/errors.ts'
import { checkPassword } from './authenticate.ts'
import { changed, type Keystone, newId, revoke } from './keystone.ts'
import { assertSameId, duplicate, extraOf, mergedExtra, mergedOptions, storing } from './storing.ts'

export interface UserChanges {
  readonly name?: string
  readonly enabled?: boolean
  readonly description?: string | null
  readonly password?: string | null
  readonly default_project_id?: string | null
  readonly domain_id?: string | null
  readonly options?: Readonly<Record<string, unknown>>
}

/** `federated` and the rest of upstream's own names are not taken for something to keep. A description of null is: it is shown, and none is not. */
const userColumns = ({ description }: UserChanges) => [
  ...(description === null ? [] : ['description']),
  'name', 'enabled', 'password', 'original_password', 'default_project_id', 'domain_id', 'options', 'password_expires_at', 'federated',
]

export async function createUser(keystone: Keystone, body: UserChanges & { readonly name: string }, domainId: string): Promise<UserRow> {
  await assertDomain(keystone, domainId)
  if (typeof body.default_project_id === 'string') await assertNoDomain(keystone, body.default_project_id)
  const row: UserRow = {
    id: newId(keystone), domain_id: domainId, name: body.name.trim(), enabled: body.enabled === false ? 0 : 1, description: body.description ?? null,
    default_project_id: body.default_project_id ?? null, options: mergedOptions('{}', body.options), extra: JSON.stringify(extraOf({ ...body }, userColumns(body))),
    ...(await passwordColumns(keystone, body.password ?? null)), failed_count: 0, failed_at: null, created_at: keystone.clock.now().toISOString(),
  }
  await storing('user', duplicate(row.name, domainId), () => keystone.database.transaction((tx) => insertUser(tx, row)))
  return row
}

async function assertDomain({ database }: Keystone, domainId: string): Promise<void> {
  const domain = await findProject(database.read, domainId)
  if (!domain || domain.is_domain === 0) throw notFound('domain', domainId)
}

async function assertNoDomain({ database }: Keystone, projectId: string): Promise<void> {
  const project = await findProject(database.read, projectId)
  if (project?.is_domain === 1) throw new ValidationError("User's default project ID cannot be a domain ID: " + projectId)
}

async function passwordColumns(keystone: Keystone, password: string | null): Promise<Pick<UserRow, 'password_hash' | 'password_created_at' | 'password_expires_at'>> {
  if (password === null) return { password_hash: null, password_created_at: null, password_expires_at: null }
  const { clock, options, passwords } = keystone
  if (password.length > options.max_password_length) throw new ValidationError(`Password length must be less than or equal to ${options.max_password_length} characters.`)
  const now = clock.now()
  const days = options.password_expires_days
  return {
    password_hash: await passwords.hash(password), password_created_at: now.toISOString(),
    password_expires_at: days > 0 ? new Date(now.getTime() + days * 86_400_000).toISOString().replace('Z', '000') : null,
  }
}

export async function changeUser(keystone: Keystone, row: UserRow, body: UserChanges): Promise<UserRow> {
  const values = { ...body } as Record<string, unknown>
  assertSameId(values, row.id)
  if (body.domain_id !== undefined && body.domain_id !== row.domain_id) throw new ValidationError('Cannot change Domain ID')
  if (typeof body.default_project_id === 'string') await assertNoDomain(keystone, body.default_project_id)
  const password = body.password === undefined ? {} : await passwordColumns(keystone, body.password)
  const set: Partial<UserRow> = {
    ...(body.name !== undefined && { name: body.name.trim() }), ...(body.enabled !== undefined && { enabled: body.enabled ? 1 : 0 }),
    ...(body.description !== undefined && { description: body.description }), ...(body.default_project_id !== undefined && { default_project_id: body.default_project_id }),
    ...password, options: mergedOptions(row.options, body.options), extra: mergedExtra(row.extra, values, userColumns(body)),
    // A new password or being enabled again ends a lock.
    ...((body.password !== undefined || body.enabled === true) && { failed_count: 0, failed_at: null }),
  }
  await storing('user', duplicate(body.name, body.domain_id), () => keystone.database.transaction(async (tx) => {
    await updateUser(tx, row.id, set)
    if (body.password !== undefined || (row.enabled === 1 && body.enabled === false)) await revoke(keystone, tx, 'user', row.id)
    changed(keystone, tx, 'user changed')
  }))
  return { ...row, ...set }
}

export async function removeUser(keystone: Keystone, id: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    await deleteUser(tx, id)
    changed(keystone, tx, 'user deleted')
  })
}

/** Their own new password, for somebody who knows the old one, even when that is expired. @throws Unauthorized, ValidationError */
export async function changeOwnPassword(keystone: Keystone, userId: string, password: string, original: string): Promise<void> {
  const user = await findUser(keystone.database.read, userId)
  await checkPassword(keystone, user && { ...user, password_expires_at: null }, original, userId)
  if (!user) throw unauthorized()
  if ((JSON.parse(user.options) as { lock_password?: unknown }).lock_password === true) {
    throw new ValidationError('You cannot change your password at this time due to password policy disallowing password changes. Please contact your administrator to reset your password.')
  }
  const set = await passwordColumns(keystone, password)
  await keystone.database.transaction(async (tx) => {
    await updateUser(tx, userId, set)
    await revoke(keystone, tx, 'user', userId)
  })
}

export interface GroupChanges {
  readonly name?: string
  readonly description?: string | null
  readonly domain_id?: string | null
}

const groupColumns = ['name', 'description', 'domain_id']

export async function createGroup(keystone: Keystone, body: GroupChanges & { readonly name: string }, domainId: string): Promise<GroupRow> {
  await assertDomain(keystone, domainId)
  const row: GroupRow = { id: newId(keystone), domain_id: domainId, name: body.name.trim(), description: body.description ?? '', extra: JSON.stringify(extraOf({ ...body }, groupColumns)) }
  await storing('group', duplicate(row.name, domainId), () => keystone.database.transaction((tx) => insertGroup(tx, row)))
  return row
}

export async function changeGroup(keystone: Keystone, row: GroupRow, body: GroupChanges): Promise<GroupRow> {
  const values = { ...body } as Record<string, unknown>
  assertSameId(values, row.id)
  if (body.domain_id !== undefined && body.domain_id !== row.domain_id) throw new ValidationError('Cannot change Domain ID')
  const set: Partial<GroupRow> = {
    ...(body.name !== undefined && { name: body.name.trim() }), ...(body.description !== undefined && { description: body.description ?? '' }),
    extra: mergedExtra(row.extra, values, groupColumns),
  }
  await storing('group', duplicate(body.name, body.domain_id), () => keystone.database.transaction((tx) => updateGroup(tx, row.id, set)))
  return { ...row, ...set }
}

export async function removeGroup(keystone: Keystone, id: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    await deleteGroup(tx, id)
    changed(keystone, tx, 'group deleted')
  })
}

/** Repeating it changes nothing. */
export async function addToGroup(keystone: Keystone, userId: string, groupId: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    if (await isMember(tx, userId, groupId)) return
    await insertMembership(tx, userId, groupId)
    changed(keystone, tx, 'member added')
  })
}

/** @throws NotFound for a user who is not in the group */
export async function removeFromGroup(keystone: Keystone, userId: string, groupId: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    if (!(await deleteMembership(tx, userId, groupId))) throw notFound('user', `${userId} in group ${groupId}`)
    changed(keystone, tx, 'member removed')
  })
}
