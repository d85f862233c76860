// The security groups of a server: those of its ports.
import type { RequestContext } from '#core/context'
import { Conflict, NotFound } from '#core/errors'
import { portsOf, replacePorts } from '../../db/ports.ts'
import { invalidState } from '../../model/errors.ts'
import type { ServerPort } from '../../model/server.ts'
import { listSecurityGroups, securityGroupDetails, setSecurityGroups } from '../../neighbours/network.ts'
import { type Nova, now } from '../nova.ts'
import { type ShownGroups, withSources } from '../security-groups.ts'
import { serverFor } from './access.ts'

async function findGroup(nova: Nova, ctx: RequestContext, name: string): Promise<string> {
  const groups = await listSecurityGroups(nova.runtime, ctx)
  const found = groups.filter((group) => group.id === name || (group.name === name && group.projectId === ctx.identity.projectId))
  if (found.length > 1) throw new Conflict(`Multiple security_group matches found for name '${name}', use an ID to be more specific.`)
  if (!found[0]) throw new NotFound(`Security group ${name} not found for project ${ctx.identity.projectId ?? ''}.`)
  return found[0].id
}

async function change(nova: Nova, ctx: RequestContext, serverId: string, rule: string, decide: (groups: readonly string[], group: string) => readonly string[] | undefined, name: string): Promise<boolean> {
  const { rows: { instance }, cell } = await serverFor(nova, ctx, serverId, rule)
  if (cell !== 'cell1' || instance.vm_state === 'building') throw invalidState(rule.split(':').at(-1) === 'add' ? 'addSecurityGroup' : 'removeSecurityGroup', serverId, 'vm_state', instance.vm_state)
  const group = await findGroup(nova, ctx, name)
  const ports = await portsOf(nova.cells.cell1.read, serverId)
  const changed = new Map<string, readonly string[]>()
  for (const port of ports) {
    const groups = decide(port.securityGroups, group)
    if (!groups) continue
    await setSecurityGroups(nova.runtime, ctx, port.portId, groups)
    changed.set(port.portId, groups)
  }
  if (changed.size === 0) return false
  await nova.cells.cell1.transaction(async (tx) => {
    const after = (await portsOf(tx, serverId)).map((port): ServerPort => ({ ...port, securityGroups: changed.get(port.portId) ?? port.securityGroups }))
    await replacePorts(tx, serverId, after, now(nova))
  })
  return true
}

export async function addSecurityGroup(nova: Nova, ctx: RequestContext, serverId: string, name: string): Promise<void> {
  await change(nova, ctx, serverId, 'os_compute_api:os-security-groups:add', (groups, group) => (groups.includes(group) ? undefined : [...groups, group]), name)
}

/** @throws NotFound when no port of the server is in the group */
export async function removeSecurityGroup(nova: Nova, ctx: RequestContext, serverId: string, name: string): Promise<void> {
  const removed = await change(nova, ctx, serverId, 'os_compute_api:os-security-groups:remove',
    (groups, group) => (groups.includes(group) ? groups.filter((each) => each !== group) : undefined), name)
  if (!removed) throw new NotFound(`Security group ${name} not associated with the instance ${serverId}`)
}

export async function securityGroupsOf(nova: Nova, ctx: RequestContext, serverId: string): Promise<ShownGroups> {
  await serverFor(nova, ctx, serverId, 'os_compute_api:os-security-groups:list')
  const ids = [...new Set((await portsOf(nova.cells.cell1.read, serverId)).flatMap(({ securityGroups }) => securityGroups))]
  return withSources(nova, ctx, ids.length === 0 ? [] : await securityGroupDetails(nova.runtime, ctx, ids))
}
