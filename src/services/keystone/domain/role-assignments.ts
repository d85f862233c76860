// The list of assignments: as they were given, or as they take effect once groups, inheritance and implied roles are followed.
import { type Assignment, type AssignmentQuery, findAssignments, membersOf, projectTree, type TreeNode } from '../db/assignments.ts'
import { findProject } from '../db/projects.ts'
import { ancestorsOf } from '../db/tokens.ts'
import { notFound } from '../model/errors.ts'
import { projectsBelow } from './grants.ts'
import { type Keystone, roleGraph } from './keystone.ts'
import { closure, type RoleGraph } from './role-graph.ts'

export interface AssignmentWish {
  readonly roleId?: string | undefined
  readonly userId?: string | undefined
  readonly groupId?: string | undefined
  readonly projectId?: string | undefined
  readonly domainId?: string | undefined
  readonly system?: boolean | undefined
  readonly inherited?: boolean | undefined
  readonly effective: boolean
  /** Also the projects below `projectId`. */
  readonly subtree: boolean
}

/** One line of the list, with the assignment that it came from. */
export interface EffectiveAssignment {
  readonly actorType: 'user' | 'group'
  readonly actorId: string
  readonly targetType: Assignment['target_type']
  readonly targetId: string
  readonly roleId: string
  /** Shown as inherited: given so, or come from above. */
  readonly inherited: boolean
  readonly from: Assignment
}

export async function listAssignments(keystone: Keystone, wish: AssignmentWish): Promise<EffectiveAssignment[]> {
  return wish.effective ? listEffective(keystone, wish) : listGiven(keystone, wish)
}

async function listGiven(keystone: Keystone, wish: AssignmentWish): Promise<EffectiveAssignment[]> {
  const { read } = keystone.database
  const below = wish.subtree && wish.projectId !== undefined ? projectsBelow(await projectTree(read), 'project', wish.projectId) : []
  const targets = targetsOf(wish, below)
  const rows = await findAssignments(read, {
    actor: actorOf(wish), roleIds: wish.roleId === undefined ? undefined : [wish.roleId], targets, inherited: wish.inherited,
  })
  return rows.map(asGiven)
}

function actorOf({ userId, groupId }: AssignmentWish): AssignmentQuery['actor'] {
  if (userId !== undefined) return { type: 'user', ids: [userId] }
  return groupId === undefined ? undefined : { type: 'group', ids: [groupId] }
}

function targetsOf({ projectId, domainId, system }: AssignmentWish, below: readonly string[]): AssignmentQuery['targets'] {
  if (projectId !== undefined) return [{ type: 'project', ids: [projectId, ...below] }]
  if (domainId !== undefined) return [{ type: 'domain', ids: [domainId] }]
  return system === true ? [{ type: 'system', ids: ['system'] }] : undefined
}

function asGiven(row: Assignment): EffectiveAssignment {
  return { actorType: row.actor_type, actorId: row.actor_id, targetType: row.target_type, targetId: row.target_id, roleId: row.role_id, inherited: row.inherited === 1, from: row }
}

async function listEffective(keystone: Keystone, wish: AssignmentWish): Promise<EffectiveAssignment[]> {
  const { read } = keystone.database
  const tree = await projectTree(read)
  const wanted = wish.projectId === undefined ? undefined : new Set([wish.projectId, ...(wish.subtree ? projectsBelow(tree, 'project', wish.projectId) : [])])
  const rows = await findAssignments(read, {
    userWithGroups: wish.userId, inherited: wish.inherited, targets: await effectiveTargets(keystone, wish, wanted),
  })
  const members = await membersOf(read, [...new Set(rows.flatMap((row) => (row.actor_type === 'group' ? [row.actor_id] : [])))])
  const graph = await roleGraph(keystone)
  const lines = rows.flatMap((row) => onTargets(row, tree, wanted)).flatMap((line) => forUsers(line, members, wish.userId)).flatMap((line) => withImplied(line, graph))
  const counted = lines.filter((line) => wish.roleId === undefined || line.roleId === wish.roleId)
  return [...new Map(counted.map((line) => [keyOf(line), line])).values()]
}

/** What may have an effect on the wanted targets: they themselves, and what is above them. */
async function effectiveTargets(keystone: Keystone, wish: AssignmentWish, wanted: ReadonlySet<string> | undefined): Promise<AssignmentQuery['targets']> {
  if (wish.domainId !== undefined) return [{ type: 'domain', ids: [wish.domainId], inherited: false }]
  if (wish.system === true) return [{ type: 'system', ids: ['system'] }]
  if (wish.projectId === undefined || !wanted) return undefined
  const project = await findProject(keystone.database.read, wish.projectId)
  if (!project) throw notFound('project', wish.projectId)
  const above = await ancestorsOf(keystone.database.read, project)
  return [
    { type: 'project', ids: [...wanted] },
    ...(above.length > 0 ? [{ type: 'project', ids: above.map((each) => each.id), inherited: true } as const] : []),
    { type: 'domain', ids: [project.domain_id], inherited: true },
  ]
}

function onTargets(row: Assignment, tree: readonly TreeNode[], wanted: ReadonlySet<string> | undefined): EffectiveAssignment[] {
  if (row.inherited === 0) return [asGiven(row)]
  return projectsBelow(tree, row.target_type, row.target_id).filter((id) => !wanted || wanted.has(id))
    .map((id) => ({ ...asGiven(row), targetType: 'project', targetId: id, inherited: true }))
}

function forUsers(line: EffectiveAssignment, members: ReadonlyMap<string, readonly string[]>, only: string | undefined): EffectiveAssignment[] {
  if (line.actorType === 'user') return [line]
  return (members.get(line.actorId) ?? []).filter((user) => only === undefined || user === only).map((user) => ({ ...line, actorType: 'user', actorId: user }))
}

/** A role of one domain only counts by what it implies. */
function withImplied(line: EffectiveAssignment, graph: RoleGraph): EffectiveAssignment[] {
  return closure(graph, [line.roleId]).filter((id) => graph.byId.get(id)?.domainId === '').map((roleId) => ({ ...line, roleId }))
}

function keyOf({ actorId, targetType, targetId, roleId, inherited, from }: EffectiveAssignment): string {
  return [actorId, targetType, targetId, roleId, inherited, from.actor_id, from.target_id, from.role_id].join(' ')
}
