// Projects and domains: a tree in which nobody is enabled below somebody disabled, and leaves go first.
import type { Db } from '#core/db'
import { deleteDomain, deleteProject, findProject, hasChildren, insertProject, type ProjectRow, replaceTags, subtreeOf, updateProject } from '../db/projects.ts'
import { ancestorsOf } from '../db/tokens.ts'
import type { Tables } from '../db/tables.ts'
import { forbidden, notFound, Refused, ValidationError } from '../model/errors.ts'
import { changed, type Keystone, newId, revoke } from './keystone.ts'
import { assertMutable, assertSameId, extraOf, mergedExtra, mergedOptions, storing } from './storing.ts'

export interface ProjectChanges {
  readonly name?: string
  readonly description?: string | null
  readonly enabled?: boolean
  readonly tags?: readonly string[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly domain_id?: string | null
  readonly parent_id?: string | null
  readonly is_domain?: boolean
}

export interface NewProject extends ProjectChanges {
  readonly name: string
  readonly explicit_domain_id?: string
}

const columns = ['name', 'description', 'enabled', 'tags', 'options', 'domain_id', 'parent_id', 'is_domain', 'explicit_domain_id', 'parents', 'subtree']
const defaultDomain = 'default'

export async function createDomain(keystone: Keystone, body: NewProject): Promise<ProjectRow> {
  const row = rowOf(body.explicit_domain_id ?? newId(keystone), body, { domain_id: '', parent_id: '', is_domain: 1 })
  return insert(keystone, row, body.tags)
}

/** @param domainId that of the body or else of the caller's token */
export async function createProject(keystone: Keystone, body: NewProject, domainId: string): Promise<ProjectRow> {
  const parentId = body.parent_id ?? domainId
  const { read } = keystone.database
  const domain = await findProject(read, domainId)
  if (!domain || domain.is_domain === 0) throw new ValidationError(`Could not find domain: ${domainId}.`)
  const parent = await findProject(read, parentId)
  if (!parent) throw new ValidationError(`Could not find project: ${parentId}.`)
  if ((parent.is_domain === 1 ? parent.id : parent.domain_id) !== domainId) {
    throw new ValidationError(`Cannot create project, since it specifies its domain_id ${domainId}, but specifies a parent in a different domain (${parent.domain_id || parent.id}).`)
  }
  const above = [parent, ...(await ancestorsOf(read, parent))]
  const disabled = above.find((each) => each.enabled === 0)
  if (disabled) throw new ValidationError(`cannot create a project in a branch containing a disabled project: ${disabled.id}`)
  if (above.length >= keystone.options.max_project_tree_depth) throw new Refused(`Max hierarchy depth reached for ${parent.id} branch.`)
  const row = rowOf(newId(keystone), body, { domain_id: domainId, parent_id: parentId, is_domain: 0 })
  return insert(keystone, row, body.tags)
}

function rowOf(id: string, body: NewProject, place: Pick<ProjectRow, 'domain_id' | 'parent_id' | 'is_domain'>): ProjectRow {
  return {
    id, ...place, name: body.name.trim(), description: body.description ?? '', enabled: body.enabled === false ? 0 : 1,
    options: mergedOptions('{}', body.options), extra: JSON.stringify(extraOf({ ...body }, columns)),
  }
}

function taken({ id, is_domain: isDomain }: ProjectRow, name: string | undefined): string {
  if (isDomain === 1) return `it is not permitted to have two projects acting as domains with the same name: ${name}.`
  return `it is not permitted to have two projects with either the same name or same id in the same domain: name is ${name}, project id ${id}.`
}

async function insert(keystone: Keystone, row: ProjectRow, tags: readonly string[] | undefined): Promise<ProjectRow> {
  await storing('project', taken(row, row.name), () => keystone.database.transaction(async (tx) => {
    await insertProject(tx, row)
    if (tags) await replaceTags(tx, row.id, tags)
  }))
  return row
}

/** @throws Refused, ValidationError, Conflict */
export async function changeProject(keystone: Keystone, row: ProjectRow, body: ProjectChanges): Promise<ProjectRow> {
  const kind = row.is_domain === 1 ? 'domain' : 'project'
  const body_ = { ...body } as Record<string, unknown>
  assertSameId(body_, row.id)
  assertMutable(kind, row, body_)
  if (body.parent_id !== undefined && (body.parent_id ?? '') !== row.parent_id) throw new Refused('Update of `parent_id` is not allowed.')
  if (body.domain_id !== undefined && (body.domain_id ?? '') !== row.domain_id) throw new ValidationError('Cannot change Domain ID')
  if (body.is_domain !== undefined && Number(body.is_domain) !== row.is_domain) throw new ValidationError('Update of `is_domain` is not allowed.')
  const set: Partial<ProjectRow> = {
    ...(body.name !== undefined && { name: body.name.trim() }),
    ...(body.description !== undefined && { description: body.description ?? '' }),
    ...(body.enabled !== undefined && { enabled: body.enabled ? 1 : 0 }),
    options: mergedOptions(row.options, body.options), extra: mergedExtra(row.extra, body_, columns),
  }
  await storing('project', taken(row, body.name), () => keystone.database.transaction(async (tx) => {
    if (kind === 'project' && body.enabled !== undefined) await assertTreeAllows(tx, row, body.enabled)
    await updateProject(tx, row.id, set)
    if (body.tags) await replaceTags(tx, row.id, body.tags)
    if (row.enabled === 1 && body.enabled === false) await revoke(keystone, tx, kind, row.id)
    changed(keystone, tx, `${kind} changed`)
  }))
  return { ...row, ...set }
}

async function assertTreeAllows(tx: Db<Tables>, row: ProjectRow, enabled: boolean): Promise<void> {
  if (enabled && row.enabled === 0 && (await ancestorsOf(tx, row)).some((each) => each.enabled === 0)) {
    throw new Refused(`Cannot enable project ${row.id} since it has disabled parents`)
  }
  if (!enabled && row.enabled === 1 && (await subtreeOf(tx, row.id)).some((each) => each.enabled === 1)) {
    throw new Refused(`Cannot disable project ${row.id} since its subtree contains enabled projects.`)
  }
}

/** @throws Refused for one that is enabled, the default one, or immutable */
export async function removeDomain(keystone: Keystone, id: string): Promise<void> {
  if (id === defaultDomain) throw forbidden('delete the default domain')
  await keystone.database.transaction(async (tx) => {
    const row = await findProject(tx, id)
    if (!row || row.is_domain === 0) throw notFound('domain', id)
    assertMutable('domain', row)
    if (row.enabled === 1) throw new Refused('Cannot delete a domain that is enabled, please disable it first.')
    await deleteDomain(tx, id)
    changed(keystone, tx, 'domain deleted')
  })
}

/** @throws Refused for one that is not a leaf, or immutable */
export async function removeProject(keystone: Keystone, row: ProjectRow): Promise<void> {
  if (row.is_domain === 1) return removeDomain(keystone, row.id)
  assertMutable('project', row)
  await keystone.database.transaction(async (tx) => {
    if (await hasChildren(tx, row.id)) {
      throw new Refused(`Cannot delete the project ${row.id} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.`)
    }
    await deleteProject(tx, row.id)
    changed(keystone, tx, 'project deleted')
  })
}

/** Ids as upstream nests them: each with what follows it, null at the end. */
export type IdTree = { readonly [id: string]: IdTree } | null

export function parentIds(ancestors: readonly Pick<ProjectRow, 'id'>[]): IdTree {
  return ancestors.reduceRight<IdTree>((inner, each) => ({ [each.id]: inner }), null)
}

export function subtreeIds(subtree: readonly Pick<ProjectRow, 'id' | 'parent_id'>[], id: string): IdTree {
  const children = subtree.filter((each) => each.parent_id === id)
  return children.length === 0 ? null : Object.fromEntries(children.map((child) => [child.id, subtreeIds(subtree, child.id)]))
}
