// Roles, and which implies which.
import { deleteImplication, deleteRole, findRole, insertImplication, insertRole, type RoleRow, updateRole } from '../db/roles.ts'
import { findProject } from '../db/projects.ts'
import { notFound, Refused, ValidationError } from '../model/errors.ts'
import { changed, type Keystone, newId, roleGraph } from './keystone.ts'
import { closure } from './role-graph.ts'
import { assertMutable, extraOf, mergedExtra, mergedOptions, namesOther, storing } from './storing.ts'

export interface RoleChanges {
  readonly name?: string
  readonly description?: string | null
  readonly options?: Readonly<Record<string, unknown>>
}

const columns = ['name', 'description', 'options', 'domain_id']

export async function createRole(keystone: Keystone, body: RoleChanges & { readonly name: string; readonly domain_id?: string | null }): Promise<RoleRow> {
  const domainId = body.domain_id ?? ''
  if (domainId !== '' && (await findProject(keystone.database.read, domainId))?.is_domain !== 1) throw notFound('domain', domainId)
  const row: RoleRow = {
    id: newId(keystone), name: body.name.trim(), domain_id: domainId, description: body.description ?? null,
    options: mergedOptions('{}', body.options), extra: JSON.stringify(extraOf({ ...body }, columns)),
  }
  await storing('role', `Duplicate entry found with name ${row.name}.`, () => keystone.database.transaction(async (tx) => {
    await insertRole(tx, row)
    changed(keystone, tx, 'role created')
  }))
  return row
}

export async function changeRole(keystone: Keystone, row: RoleRow, body: RoleChanges): Promise<RoleRow> {
  const values = { ...body } as Record<string, unknown>
  if (namesOther(values, row.id)) throw new ValidationError('Cannot change role ID')
  assertMutable('role', row, values)
  const set: Partial<RoleRow> = {
    ...(body.name !== undefined && { name: body.name.trim() }), ...(body.description !== undefined && { description: body.description }),
    options: mergedOptions(row.options, body.options), extra: mergedExtra(row.extra, values, columns),
  }
  await storing('role', `Duplicate entry found with name ${body.name}.`, () => keystone.database.transaction(async (tx) => {
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

/** Repeating it changes nothing. @throws NotFound, Refused, ValidationError */
export async function addImplication(keystone: Keystone, priorId: string, impliedId: string): Promise<readonly [RoleRow, RoleRow]> {
  const { read } = keystone.database
  const prior = await findRole(read, priorId)
  const implied = await findRole(read, impliedId)
  if (!prior) throw notFound('role', priorId)
  if (!implied) throw notFound('role', impliedId)
  if (neverImplied.includes(implied.name)) throw new Refused(`${implied.id} cannot be an implied roles.`)
  if (prior.domain_id === '' && implied.domain_id !== '') throw new Refused('A role of all domains cannot imply a role of one domain.')
  const graph = await roleGraph(keystone)
  if (closure(graph, [impliedId]).includes(priorId)) throw new ValidationError(`Role ${implied.name} implies ${prior.name} already; a circle is not allowed.`)
  if (!graph.implied.get(priorId)?.includes(impliedId)) {
    await storing('implied_role', 'Duplicate entry found.', () => keystone.database.transaction(async (tx) => {
      await insertImplication(tx, priorId, impliedId)
      changed(keystone, tx, 'implication added')
    }))
  }
  return [prior, implied]
}

export async function removeImplication(keystone: Keystone, priorId: string, impliedId: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    if (!(await deleteImplication(tx, priorId, impliedId))) throw notImplied(priorId, impliedId)
    changed(keystone, tx, 'implication removed')
  })
}

export function notImplied(priorId: string, impliedId: string) {
  return notFound('implied role', `${priorId} implies ${impliedId}`)
}
