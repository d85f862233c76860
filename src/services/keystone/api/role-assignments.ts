// Handlers of the list of assignments.
import type { Handlers } from '#core/http'
import type { roleAssignmentRoutes } from '../contract/grants.ts'
import { type Named, namesOf } from '../db/assignments.ts'
import { findProject } from '../db/projects.ts'
import type { Keystone } from '../domain/keystone.ts'
import { type AssignmentWish, type EffectiveAssignment, listAssignments } from '../domain/role-assignments.ts'
import { notFound, ValidationError } from '../model/errors.ts'
import { isAsked } from './lists.ts'
import { authorize } from './policy.ts'

type Query = Parameters<Handlers<typeof roleAssignmentRoutes>['listRoleAssignments']>[0]['query']

export const roleAssignmentHandlers = (keystone: Keystone): Handlers<typeof roleAssignmentRoutes> => {
  const { database: { read }, policy } = keystone

  async function check(identity: Parameters<typeof authorize>[2], query: Query): Promise<void> {
    if (!isAsked(query, 'include_subtree')) {
      return authorize(policy, 'identity:list_role_assignments', identity, identity.domainId === undefined ? {} : { target: { domain_id: identity.domainId } })
    }
    const id = query['scope.project.id']
    const project = id === undefined ? undefined : await findProject(read, id)
    authorize(policy, 'identity:list_role_assignments_for_tree', identity, project ? { target: { project, domain_id: project.domain_id } } : {})
    if (id === undefined) throw new ValidationError('scope.project.id must be specified if include_subtree is also specified')
    if (!project) throw notFound('project', id)
  }

  return {
    async listRoleAssignments({ ctx: { identity }, query, baseUrl, queryText }) {
      await check(identity, query)
      let lines = await listAssignments(keystone, readWish(query))
      const names = await readNames(lines)
      // A token for a domain sees what is given on that domain and its projects.
      const { domainId } = identity
      if (domainId !== undefined) {
        lines = lines.filter((line) => (line.targetType === 'domain' ? line.targetId === domainId : names.projects.get(line.targetId)?.domain_id === domainId))
      }
      const shown = isAsked(query, 'include_names') ? names : undefined
      const self = `${baseUrl}/role_assignments${queryText === '' ? '' : `?${queryText}`}`
      return { status: 200, body: { role_assignments: lines.map((line) => viewAssignment(line, shown, baseUrl)), links: { self, next: null, previous: null } } }
    },
  }

  async function readNames(lines: readonly EffectiveAssignment[]): Promise<Names> {
    const idsOf = (pick: (line: EffectiveAssignment) => string | undefined) => [...new Set(lines.flatMap((line) => pick(line) ?? []))]
    const projects = await namesOf(read, 'projects', idsOf((line) => (line.targetType === 'system' ? undefined : line.targetId)))
    const users = await namesOf(read, 'users', idsOf((line) => (line.actorType === 'user' ? line.actorId : undefined)))
    const groups = await namesOf(read, 'groups', idsOf((line) => (line.actorType === 'group' ? line.actorId : undefined)))
    const roles = await namesOf(read, 'roles', idsOf((line) => line.roleId))
    const domainIds = [...projects.values(), ...users.values(), ...groups.values(), ...roles.values()].map((each) => each.domain_id).filter((id) => id !== '')
    const domains = await namesOf(read, 'projects', [...new Set(domainIds)])
    return { projects, users, groups, roles, domains }
  }
}

interface Names {
  readonly projects: ReadonlyMap<string, Named>
  readonly users: ReadonlyMap<string, Named>
  readonly groups: ReadonlyMap<string, Named>
  readonly roles: ReadonlyMap<string, Named>
  readonly domains: ReadonlyMap<string, Named>
}

/** @throws ValidationError for filters that contradict each other, or could only find nothing (keystone/api/role_assignments.py) */
function readWish(query: Query): AssignmentWish {
  const given = (name: keyof Query) => (query[name] === '' ? undefined : query[name])
  const [userId, groupId] = [given('user.id'), given('group.id')]
  const [projectId, domainId, system] = [given('scope.project.id'), given('scope.domain.id'), given('scope.system')]
  const inheritedTo = query['scope.OS-INHERIT:inherited_to']
  const inherited = inheritedTo === undefined ? undefined : inheritedTo === 'projects'
  const effective = isAsked(query, 'effective')
  if (domainId !== undefined && projectId !== undefined) throw new ValidationError('Specify a domain or project, not both')
  if (domainId !== undefined && system !== undefined) throw new ValidationError('Specify system or domain, not both')
  if (projectId !== undefined && system !== undefined) throw new ValidationError('Specify system or project, not both')
  if (userId !== undefined && groupId !== undefined) throw new ValidationError('Specify a user or group, not both')
  if (effective && groupId !== undefined) throw new ValidationError('Combining effective and group filter will always result in an empty list.')
  if (effective && inherited === true && domainId !== undefined) {
    throw new ValidationError('Combining effective, domain and inherited filters will always result in an empty list.')
  }
  return { roleId: given('role.id'), userId, groupId, projectId, domainId, system: system !== undefined, inherited, effective, subtree: isAsked(query, 'include_subtree') }
}

function viewAssignment(line: EffectiveAssignment, names: Names | undefined, baseUrl: string) {
  const { actorType, actorId, targetType, targetId, roleId, inherited, from } = line
  const actor = { [actorType]: party(actorId, actorType === 'user' ? names?.users : names?.groups, names) }
  const place = targetType === 'system' ? { system: { all: true } }
    : targetType === 'domain' ? { domain: names ? { id: targetId, name: names.projects.get(targetId)?.name ?? '' } : { id: targetId } }
      : { project: party(targetId, names?.projects, names) }
  return {
    role: names ? roleParty(roleId, names) : { id: roleId },
    ...actor,
    scope: { ...place, ...(inherited && { 'OS-INHERIT:inherited_to': 'projects' }) },
    links: {
      assignment: `${baseUrl}${linkOf(line)}`,
      ...(actorType === 'user' && from.actor_type === 'group' && { membership: `${baseUrl}/groups/${from.actor_id}/users/${actorId}` }),
      ...(from.role_id !== roleId && { prior_role: `${baseUrl}/prior_role/${from.role_id}/implies/${roleId}` }),
    },
  }
}

/** Where the assignment behind a line was given. */
function linkOf({ from }: EffectiveAssignment): string {
  const target = from.target_type === 'system' ? '/system' : `/${from.target_type}s/${from.target_id}`
  const link = `${target}/${from.actor_type}s/${from.actor_id}/roles/${from.role_id}`
  return from.inherited === 1 ? `/OS-INHERIT${link}/inherited_to_projects` : link
}

function party(id: string, found: ReadonlyMap<string, Named> | undefined, names: Names | undefined) {
  if (!found || !names) return { id }
  const row = found.get(id)
  const domain = row && names.domains.get(row.domain_id)
  return { id, name: row?.name ?? '', domain: { id: domain?.id ?? '', name: domain?.name ?? '' } }
}

function roleParty(id: string, names: Names) {
  const row = names.roles.get(id)
  const domain = row && names.domains.get(row.domain_id)
  return { id, name: row?.name ?? '', ...(domain && { domain: { id: domain.id, name: domain.name } }) }
}
