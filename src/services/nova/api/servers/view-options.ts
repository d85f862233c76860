// What must be known before servers can be shown: what the caller may see, the state of hosts, the names of security groups.
import type { RequestContext } from '#core/context'
import type { Version } from '#core/spec'
import type { ServerRows } from '../../db/instances.ts'
import { groupIdsByServer } from '../../db/server-groups.ts'
import { listServices } from '../../db/hosts.ts'
import { isUp } from '../../domain/hosts.ts'
import type { Nova } from '../../domain/nova.ts'
import { groupNames } from '../../domain/servers/group-names.ts'
import type { ViewOptions } from './view.ts'

interface Asked {
  readonly ctx: RequestContext
  readonly version: Version
  readonly baseUrl: string
}

export async function viewOptions(nova: Nova, { ctx, version, baseUrl }: Asked, servers: readonly ServerRows[], projectId: string | undefined, more: { readonly serverGroups: boolean; readonly brief?: boolean }): Promise<ViewOptions> {
  const allows = (rule: string) => nova.policy.allows(rule, ctx.identity, { project_id: projectId ?? ctx.identity.projectId })
  const all = allows('os_compute_api:servers:show:host_status')
  const unknownOnly = !all && allows('os_compute_api:servers:show:host_status:unknown-only')
  const statuses = version.atLeast('2.16') && (all || unknownOnly) ? await hostStatuses(nova) : undefined
  const names = await groupNames(nova, ctx, servers)
  const groups = more.serverGroups && version.atLeast('2.71') ? await groupIdsByServer(nova.api.read, servers.map(({ instance }) => instance.uuid)) : undefined
  return {
    version, baseUrl, ...(more.brief !== undefined && { brief: more.brief }), ...(groups && { groupOf: (id: string) => groups.get(id) }), extended: allows('os_compute_api:os-extended-server-attributes'), admin: ctx.identity.roles.includes('admin'),
    extraSpecs: version.atLeast('2.47') && allows('os_compute_api:servers:show:flavor-extra-specs'), groupName: (id) => names.get(id),
    ...(statuses && {
      hostStatus: (host) => {
        const status = host === null ? '' : (statuses.get(host) ?? 'UNKNOWN')
        return all || status === 'UNKNOWN' ? status : undefined
      },
    }),
  }
}

async function hostStatuses(nova: Nova): Promise<ReadonlyMap<string, string>> {
  const services = await listServices(nova.cells.cell1.read, 'nova-compute')
  return new Map(services.map((service) => [service.host, service.forced_down ? 'DOWN' : service.disabled ? 'MAINTENANCE' : isUp(nova, service) ? 'UP' : 'UNKNOWN']))
}
