// Where the servers are that the hints of a request name.
import type { RequestContext } from '#core/context'
import { hostsOfServers } from '../../db/instances.ts'
import type { SchedulerHints } from '../../model/server.ts'
import type { Nova } from '../nova.ts'

/**
 * Other than upstream, a user's hints find only servers of his project: else who knows the id of another's server could
 * place his own beside it.
 */
export async function neighboursOf(nova: Nova, { identity }: Pick<RequestContext, 'identity'>, { sameHost = [], differentHost = [] }: SchedulerHints): Promise<Readonly<Record<string, string>>> {
  const project = identity.roles.includes('admin') ? undefined : identity.projectId
  return hostsOfServers(nova.cells.cell1.read, [...new Set([...sameHost, ...differentHost])], project)
}
