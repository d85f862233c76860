// Giving and taking roles, and which projects and domains that opens to a user.
import { type Assignment, assignmentsOfUser, deleteAssignment, type Grant, hasAssignment, insertAssignment, projectTree, rolesGranted, type TreeNode } from '../db/assignments.ts'
import type { RoleRow } from '../db/roles.ts'
import { notFound, Refused } from '../model/errors.ts'
import { changed, type Keystone, roleGraph } from './keystone.ts'
import { effectiveRoles } from './role-graph.ts'

/** Repeating it changes nothing. @param targetDomainId the domain of the target, or undefined for the system @throws Refused for a role of another domain */
export async function giveRole(keystone: Keystone, grant: Grant, role: RoleRow, targetDomainId: string | undefined): Promise<void> {
  if (role.domain_id !== '' && role.domain_id !== targetDomainId) {
    throw new Refused(`Project ${grant.target_id} must be in the same domain as the role ${role.id} being assigned.`)
  }
  await keystone.database.transaction(async (tx) => {
    if (await insertAssignment(tx, { ...grant, role_id: role.id })) changed(keystone, tx, 'role given')
  })
}

export async function takeRole(keystone: Keystone, grant: Grant, roleId: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    if (!(await deleteAssignment(tx, { ...grant, role_id: roleId }))) throw noAssignment(grant, roleId)
    changed(keystone, tx, 'role taken')
  })
}

export async function assertGiven(keystone: Keystone, grant: Grant, roleId: string): Promise<void> {
  if (!(await hasAssignment(keystone.database.read, { ...grant, role_id: roleId }))) throw noAssignment(grant, roleId)
}

export function grantedRoleIds(keystone: Keystone, grant: Grant): Promise<string[]> {
  return rolesGranted(keystone.database.read, grant)
}

function noAssignment({ actor_type: kind, actor_id: actor, target_type: type, target_id: target }: Grant, roleId: string) {
  return notFound('role assignment with role', `${roleId}, user or group: ${kind} ${actor}, project, domain, or system: ${type} ${target}`)
}

export interface Reach {
  readonly projectIds: readonly string[]
  readonly domainIds: readonly string[]
}

/** The projects and domains for which a user may have a token. */
export async function reachOf(keystone: Keystone, userId: string): Promise<Reach> {
  const graph = await roleGraph(keystone)
  const all = await assignmentsOfUser(keystone.database.read, userId)
  const given = all.filter((each) => effectiveRoles(graph, [each.role_id]).length > 0)
  const direct = (type: Assignment['target_type']) => given.filter((each) => each.target_type === type && each.inherited === 0).map((each) => each.target_id)
  const inherited = given.filter((each) => each.inherited === 1)
  const tree = inherited.length > 0 ? await projectTree(keystone.database.read) : []
  const below = inherited.flatMap((each) => projectsBelow(tree, each.target_type, each.target_id))
  return { projectIds: [...new Set([...direct('project'), ...below])], domainIds: [...new Set(direct('domain'))] }
}

/** The projects that inherit from a domain or a project. */
export function projectsBelow(tree: readonly TreeNode[], type: Assignment['target_type'], id: string): string[] {
  if (type === 'domain') return tree.filter((node) => node.domain_id === id).map((node) => node.id)
  const children = tree.filter((node) => node.parent_id === id)
  return children.flatMap((child) => [child.id, ...projectsBelow(tree, 'project', child.id)])
}
