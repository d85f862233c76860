// Handlers of grants: one story over every pair of an actor (user, group) and a target (project, domain, system).
import type { RequestContext } from '#core/context'
import type { Handlers } from '#core/http'
import type { grantRoutes } from '../contract/grants.ts'
import type { Grant } from '../db/assignments.ts'
import { findProject } from '../db/projects.ts'
import { allRoles, findRole } from '../db/roles.ts'
import { findUser } from '../db/tokens.ts'
import { findGroup } from '../db/users.ts'
import { assertGiven, giveRole, grantedRoleIds, takeRole } from '../domain/grants.ts'
import type { Keystone } from '../domain/keystone.ts'
import { notFound } from '../model/errors.ts'
import { authorize } from './policy.ts'
import { viewRole } from './views.ts'

type Routes = typeof grantRoutes
interface Input {
  readonly ctx: RequestContext
  readonly params: Readonly<Record<string, string>>
  readonly baseUrl: string
}
type Verb = 'list' | 'check' | 'give' | 'take'
type Actor = Grant['actor_type']
type TargetType = Grant['target_type']

const rules = { list: 'identity:list_grants', check: 'identity:check_grant', give: 'identity:create_grant', take: 'identity:revoke_grant' } as const

export const grantHandlers = (keystone: Keystone): Handlers<Routes> => {
  const { database: { read }, policy } = keystone

  async function look({ ctx, params }: Input, verb: Verb, actor: Actor, type: TargetType) {
    const { actor_id: actorId = '', target_id: targetId = 'system', role_id: roleId } = params
    const who = actor === 'user' ? await findUser(read, actorId) : await findGroup(read, actorId)
    const where = type === 'system' ? undefined : await findProject(read, targetId)
    const target = where && (type === 'domain') === (where.is_domain === 1) ? where : undefined
    const role = roleId === undefined ? undefined : await findRole(read, roleId)
    // The system's rules have names of their own, which the route checks.
    if (type !== 'system') {
      const ofRole = role && { ...role, domain_id: role.domain_id === '' ? null : role.domain_id }
      authorize(policy, rules[verb], ctx.identity, { target: { ...(who && { [actor]: who }), ...(target && { [type]: target }), ...(ofRole && { role: ofRole }) } })
      if (!target) throw notFound(type, targetId)
    }
    // What is left of a user who is gone can still be asked for and taken away.
    if (!who && verb !== 'take' && verb !== 'check') throw notFound(actor, actorId)
    if (!role && roleId !== undefined) throw notFound('role', roleId)
    return { role, target, actorId, targetId }
  }

  function handlers(actor: Actor, type: TargetType, inherited: 0 | 1) {
    const grantOf = (actorId: string, targetId: string): Grant => ({ actor_type: actor, actor_id: actorId, target_type: type, target_id: targetId, inherited })
    return {
      async list(input: Input) {
        const { actorId, targetId } = await look(input, 'list', actor, type)
        const ids = await grantedRoleIds(keystone, grantOf(actorId, targetId))
        const roles = (await allRoles(read)).filter((role) => ids.includes(role.id)).map((role) => viewRole(role, input.baseUrl))
        const path = type === 'system' ? `/system/${actor}s/${actorId}/roles` : `/${type}s/${targetId}/${actor}s/${actorId}/roles`
        const self = inherited === 1 ? `${input.baseUrl}/OS-INHERIT${path}/inherited_to_projects` : `${input.baseUrl}${path}`
        return { status: 200, body: { roles, links: { self, next: null, previous: null } } } as const
      },
      async check(input: Input) {
        const { actorId, targetId, role } = await look(input, 'check', actor, type)
        await assertGiven(keystone, grantOf(actorId, targetId), role?.id ?? '')
        return { status: 204 } as const
      },
      async give(input: Input) {
        const { actorId, targetId, role, target } = await look(input, 'give', actor, type)
        if (role) await giveRole(keystone, grantOf(actorId, targetId), role, target && (target.is_domain === 1 ? target.id : target.domain_id))
        return { status: 204 } as const
      },
      async take(input: Input) {
        const { actorId, targetId, role } = await look(input, 'take', actor, type)
        await takeRole(keystone, grantOf(actorId, targetId), role?.id ?? '')
        return { status: 204 } as const
      },
    }
  }

  const projectUser = handlers('user', 'project', 0)
  const projectGroup = handlers('group', 'project', 0)
  const domainUser = handlers('user', 'domain', 0)
  const domainGroup = handlers('group', 'domain', 0)
  const belowProjectUser = handlers('user', 'project', 1)
  const belowProjectGroup = handlers('group', 'project', 1)
  const belowDomainUser = handlers('user', 'domain', 1)
  const belowDomainGroup = handlers('group', 'domain', 1)
  const systemUser = handlers('user', 'system', 0)
  const systemGroup = handlers('group', 'system', 0)

  return {
    listProjectUserRoles: projectUser.list, checkProjectUserRole: projectUser.check, giveProjectUserRole: projectUser.give, takeProjectUserRole: projectUser.take,
    listProjectGroupRoles: projectGroup.list, checkProjectGroupRole: projectGroup.check, giveProjectGroupRole: projectGroup.give, takeProjectGroupRole: projectGroup.take,
    listDomainUserRoles: domainUser.list, checkDomainUserRole: domainUser.check, giveDomainUserRole: domainUser.give, takeDomainUserRole: domainUser.take,
    listDomainGroupRoles: domainGroup.list, checkDomainGroupRole: domainGroup.check, giveDomainGroupRole: domainGroup.give, takeDomainGroupRole: domainGroup.take,
    listInheritedProjectUserRoles: belowProjectUser.list, checkInheritedProjectUserRole: belowProjectUser.check,
    giveInheritedProjectUserRole: belowProjectUser.give, takeInheritedProjectUserRole: belowProjectUser.take,
    listInheritedProjectGroupRoles: belowProjectGroup.list, checkInheritedProjectGroupRole: belowProjectGroup.check,
    giveInheritedProjectGroupRole: belowProjectGroup.give, takeInheritedProjectGroupRole: belowProjectGroup.take,
    listInheritedDomainUserRoles: belowDomainUser.list, checkInheritedDomainUserRole: belowDomainUser.check,
    giveInheritedDomainUserRole: belowDomainUser.give, takeInheritedDomainUserRole: belowDomainUser.take,
    listInheritedDomainGroupRoles: belowDomainGroup.list, checkInheritedDomainGroupRole: belowDomainGroup.check,
    giveInheritedDomainGroupRole: belowDomainGroup.give, takeInheritedDomainGroupRole: belowDomainGroup.take,
    listSystemUserRoles: systemUser.list, checkSystemUserRole: systemUser.check, giveSystemUserRole: systemUser.give, takeSystemUserRole: systemUser.take,
    listSystemGroupRoles: systemGroup.list, checkSystemGroupRole: systemGroup.check, giveSystemGroupRole: systemGroup.give, takeSystemGroupRole: systemGroup.take,
  }
}
