// Neutron's security groups as nova's older clients see them.
import type { RequestContext } from '#core/context'
import { NotFound } from '#core/errors'
import { listSecurityGroups, securityGroupDetails, type SecurityGroupView, type SecurityRuleView } from '../neighbours/network.ts'
import type { Nova } from './nova.ts'

export type NamedGroup = Pick<SecurityGroupView, 'id' | 'name' | 'projectId'>

export interface ShownGroups {
  readonly groups: readonly SecurityGroupView[]
  /** The groups that rules name. */
  readonly sources: ReadonlyMap<string, NamedGroup>
}

/** By project and name, and the groups that their rules name. A rule whose group the caller cannot see is left out. */
export async function withSources(nova: Nova, ctx: RequestContext, found: readonly SecurityGroupView[], visible?: readonly NamedGroup[]): Promise<ShownGroups> {
  const sources = new Map<string, NamedGroup>([...found, ...(visible ?? [])].map((group) => [group.id, group]))
  const isMissing = ({ remoteGroupId: id }: SecurityRuleView) => id !== null && !sources.has(id)
  if (!visible && found.some(({ rules }) => rules.some(isMissing))) for (const group of await listSecurityGroups(nova.runtime, ctx)) sources.set(group.id, group)
  const order = (group: SecurityGroupView) => `${group.projectId} ${group.name}`
  const groups = found.map((group) => ({ ...group, rules: group.rules.filter((rule) => !isMissing(rule)) })).sort((a, b) => (order(a) < order(b) ? -1 : 1))
  return { groups, sources }
}

/** Of the caller's project, or of all that an administrator sees. */
export async function findSecurityGroups(nova: Nova, ctx: RequestContext, everywhere: boolean): Promise<ShownGroups> {
  const visible = await listSecurityGroups(nova.runtime, ctx)
  const wanted = everywhere ? visible : visible.filter(({ projectId }) => projectId === ctx.identity.projectId)
  return withSources(nova, ctx, wanted.length === 0 ? [] : await securityGroupDetails(nova.runtime, ctx, wanted.map(({ id }) => id)), visible)
}

/** @throws NotFound for one that the caller does not see */
export async function findSecurityGroup(nova: Nova, ctx: RequestContext, id: string): Promise<ShownGroups> {
  const visible = await listSecurityGroups(nova.runtime, ctx)
  if (!visible.some((group) => group.id === id)) throw new NotFound(`Security group ${id} could not be found`)
  return withSources(nova, ctx, await securityGroupDetails(nova.runtime, ctx, [id]), visible)
}
