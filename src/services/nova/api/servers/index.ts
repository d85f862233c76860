// Handlers of servers.
import type { HandlerInput, Handlers } from '#core/http'
import type { serverRoutes } from '../../contract/servers.ts'
import { serverFor } from '../../domain/servers/access.ts'
import { createServers } from '../../domain/servers/create/index.ts'
import { deleteServer } from '../../domain/servers/delete.ts'
import { listServers } from '../../domain/servers/list.ts'
import { updateServer } from '../../domain/servers/update.ts'
import type { Nova } from '../../domain/nova.ts'
import { linksOf, nextLinks } from '../links.ts'
import { toBoolean } from '../values.ts'
import { readServerList } from './read-list.ts'
import { readNewServer } from './read-new-server.ts'
import { viewOptions } from './view-options.ts'
import { viewServer, viewSummary } from './view.ts'

type ListInput = HandlerInput<(typeof serverRoutes)['routes']['listServers']>

const passwordLetters = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

export const serverHandlers = (nova: Nova): Handlers<typeof serverRoutes> => ({
  async createServer({ ctx, body, version, baseUrl }) {
    const asked = body.server
    const request = readNewServer(nova, ctx, asked, version, body['os:scheduler_hints'] ?? body['OS-SCH-HNT:scheduler_hints'])
    const { serverIds: [id], autoDiskConfig, reservation } = await createServers(nova, ctx, request)
    if (toBoolean((asked['return_reservation_id'] as string | undefined) ?? false)) return { status: 202, body: { reservation_id: reservation } }
    if (id === undefined) throw new Error('no server was made, and nobody said why')
    const links = linksOf({ baseUrl }, 'servers', id)
    const { random } = nova.runtime
    const adminPass = (asked['adminPass'] as string | undefined) ?? Array.from({ length: 12 }, () => passwordLetters[random.integer(passwordLetters.length)]).join('')
    return {
      status: 202, headers: { Location: links[0]?.href ?? '' },
      body: {
        server: {
          id, links, adminPass, 'OS-DCF:diskConfig': autoDiskConfig ? 'AUTO' : 'MANUAL',
          security_groups: (asked['security_groups'] as unknown[] | undefined) ?? [{ name: 'default' }],
        },
      },
    }
  },

  async listServers(input) {
    const { servers, limit } = await found(nova, input, false)
    const next = nextLinks(input, 'servers', limit, servers.map(({ instance }) => instance.uuid))
    return { status: 200, body: { servers: servers.map((server) => viewSummary(server, input.baseUrl)), ...(next && { servers_links: next }) } }
  },

  async listServersDetail(input) {
    const { servers, limit } = await found(nova, input, true)
    const options = await viewOptions(nova, input, servers, undefined, { serverGroups: false })
    const next = nextLinks(input, 'servers/detail', limit, servers.map(({ instance }) => instance.uuid))
    return { status: 200, body: { servers: servers.map((server) => viewServer(server, options)), ...(next && { servers_links: next }) } }
  },

  async showServer(input) {
    const { rows } = await serverFor(nova, input.ctx, input.params.server_id, 'os_compute_api:servers:show')
    return { status: 200, body: { server: viewServer(rows, await viewOptions(nova, input, [rows], rows.instance.project_id, { serverGroups: true })) } }
  },

  async updateServer(input) {
    const { ctx, params, body, version } = input
    const rows = await updateServer(nova, ctx, params.server_id, body.server)
    const options = await viewOptions(nova, input, [rows], rows.instance.project_id, { serverGroups: true, brief: !version.atLeast('2.75') })
    return { status: 200, body: { server: viewServer(rows, options) } }
  },

  async deleteServer({ ctx, params }) {
    await deleteServer(nova, ctx, params.server_id)
    return { status: 204 }
  },
})

async function found(nova: Nova, { ctx, query, version }: Pick<ListInput, 'ctx' | 'query' | 'version'>, detail: boolean) {
  const list = readServerList(nova, ctx, query, version, detail)
  // A full page of nothing has no next one.
  if (!list || list.limit === 0) return { servers: [], limit: 1 }
  return { servers: await listServers(nova, list, detail), limit: list.limit }
}
