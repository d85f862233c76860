// Roles, and which implies which.
import { NotFound } from '#core/errors'
import { deleteImplication, deleteRole, findRole, insertImplication, insertRole, type RoleRow, updateRole } from '../db/roles.ts'
import { findProject } from '../db/projects.ts'
import { notFound, Refused, ValidationError } from '../model/errors.ts'
import { changed, type Keystone, newId } from './keystone.ts'
import { assertMutable, assertSameId, duplicate, extraOf, mergedExtra, mergedOptions, storing } from './storing.ts'

export interface RoleChanges {
  readonly name?: string
  readonly description?: string | null
  readonly domain_id?: string | null
  readonly options?: Readonly<Record<string, unknown>>
}

const columns = ['name', 'description', 'options', 'domain_id']

export async function createRole(keystone: Keystone, body: RoleChanges & { readonly name: string }): Promise<RoleRow> {
  const domainId = body.domain_id ?? ''
  if (domainId !== '' && (await findProject(keystone.database.read, domainId))?.is_domain !== 1) throw notFound('domain', domainId)
  const row: RoleRow = {
    id: newId(keystone), name: body.name.trim(), domain_id: domainId, description: body.description ?? null,
    options: mergedOptions('{}', body.options), extra: JSON.stringify(extraOf({ ...body }, columns)),
  }
  await storing('role', duplicate(row.name, domainId), () => keystone.database.transaction(async (tx) => {
    await insertRole(tx, row)
    changed(keystone, tx, 'role created')
  }))
  return row
}

export async function changeRole(keystone: Keystone, row: RoleRow, body: RoleChanges): Promise<RoleRow> {
  const values = { ...body } as Record<string, unknown>
  assertSameId(values, row.id)
  assertMutable('role', row, values)
  if (body.domain_id !== undefined && (body.domain_id ?? '') !== row.domain_id) throw new ValidationError('Update of `domain_id` is not allowed.')
  const set: Partial<RoleRow> = {
    ...(body.name !== undefined && { name: body.name.trim() }), ...(body.description !== undefined && { description: body.description }),
    options: mergedOptions(row.options, body.options), extra: mergedExtra(row.extra, values, columns),
  }
  await storing('role', duplicate(body.name, body.domain_id), () => keystone.database.transaction(async (tx) => {
    await updateRole(tx, row.id, set)
    changed(keystone, tx, 'role changed')
  }))
  return { ...row, ...set }
}

export async function removeRole(keystone: Keystone, row: RoleRow): Promise<void> {
  assertMutable('role', row)
  await keystone.database.transaction(async (tx) => {
    await deleteRole(tx, row.id)
    changed(keystone, tx, 'role deleted')
  })
}

/** As upstream's prohibited_implied_role: nobody becomes an administrator by implication. */
const neverImplied = ['admin']

/** A circle does no harm, as upstream. @throws NotFound, Refused; Conflict when it is so already */
export async function addImplication(keystone: Keystone, priorId: string, impliedId: string): Promise<readonly [RoleRow, RoleRow]> {
  const { read } = keystone.database
  const prior = await findRole(read, priorId)
  const implied = await findRole(read, impliedId)
  if (!prior) throw notFound('role', priorId)
  if (!implied) throw notFound('role', impliedId)
  if (neverImplied.includes(implied.name) || (prior.domain_id === '' && implied.domain_id !== '')) throw new Refused(`${implied.id} cannot be an implied roles.`)
  await storing('implied_role', 'Duplicate entry.', () => keystone.database.transaction(async (tx) => {
    await insertImplication(tx, priorId, impliedId)
    changed(keystone, tx, 'implication added')
  }))
  return [prior, implied]
}

export async function removeImplication(keystone: Keystone, priorId: string, impliedId: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    if (!(await deleteImplication(tx, priorId, impliedId))) throw notImplied(priorId, impliedId)
    changed(keystone, tx, 'implication removed')
  })
}

export function notImplied(priorId: string, impliedId: string) {
  return new NotFound(`${priorId} does not imply ${impliedId}.`)
}
