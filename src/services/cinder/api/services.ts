// Handlers of services, zones, pools, extensions and messages.
import { NotFound } from '#core/errors'
import type { RequestContext } from '#core/context'
import type { Handlers } from '#core/http'
import type { messageRoutes, serviceRoutes } from '../contract/services.ts'
import { deleteMessage, findMessage, listMessages, type MessageFilter, messageSortColumns } from '../db/messages.ts'
import { listServices, setServiceDisabled } from '../db/services.ts'
import type { MessageRow } from '../db/tables.ts'
import { type Cinder, isAdmin, seenFrom } from '../domain/cinder.ts'
import { typeFor } from '../domain/types.ts'
import { capabilitiesFilter } from '../domain/scheduling/filters.ts'
import { InvalidInput, MessageNotFound, ServiceNotFound } from '../model/errors.ts'
import { extensions } from './extensions.ts'
import { linksOf, nextPage, wireTime } from './links.ts'
import { filtersOf, isGiven, keepFilters, pageOf, switchOf } from './lists.ts'

interface Which {
  readonly binary?: string
  readonly service?: string
  readonly host?: string | null
}

export function serviceHandlers(cinder: Cinder): Handlers<typeof serviceRoutes> {
  const { settings, clock, alive, database } = cinder

  /** What was sent comes back as it was, and nothing for what was not (cinder/api/contrib/services.py, update). A reason stays until another is given, or none. */
  async function change({ host, service = '', binary = '' }: Which, disabled: boolean, reason?: string | null) {
    if (!isGiven(host)) throw new InvalidInput('Invalid input received: Host field is missing.')
    const name = binary || service
    const known = await database.transaction((tx) => setServiceDisabled(tx, name, host, disabled, reason, clock.now().toISOString()))
    if (!known) throw new ServiceNotFound(`Service ${name.slice(0, 80)} could not be found on host ${host}.`)
    return { host, service, binary, disabled, status: disabled ? 'disabled' : 'enabled' }
  }

  return {
    async listServices({ version, query }) {
      const rows = await listServices(database.read, { ...(query.host !== undefined && { host: query.host }), ...(query.binary !== undefined && { binary: query.binary }) })
      const now = clock.now()
      return {
        status: 200,
        body: {
          services: rows.map((row) => {
            const heard = alive.lastHeard(row.binary, row.host)
            const up = alive.isUp(row.binary, row.host, now, settings.service_down_time)
            const volume = row.binary === 'cinder-volume'
            return {
              binary: row.binary, host: row.host, zone: row.availability_zone, status: row.disabled ? 'disabled' : 'enabled', state: up ? 'up' : 'down',
              updated_at: heard ? wireTime(heard) : row.updated_at === null ? null : wireTime(new Date(row.updated_at)),
              ...(volume && version.atLeast('3.49') && { backend_state: up ? 'up' : 'down' }),
              ...(version.atLeast('3.7') && { cluster: null }),
              disabled_reason: row.disabled_reason,
              ...(volume && { replication_status: 'disabled', active_backend_id: null, frozen: false }),
            }
          }),
        },
      }
    },
    async enableService({ body }) {
      return { status: 200, body: await change(body, false) }
    },
    async disableService({ body }) {
      return { status: 200, body: await change(body, true) }
    },
    async disableServiceWithReason({ body }) {
      const reason = body.disabled_reason ?? null
      return { status: 200, body: { ...(await change(body, true, reason)), disabled_reason: reason } }
    },
    async refuseServiceAction() {
      throw new InvalidInput('Invalid input received: Unknown action')
    },

    async listAvailabilityZones() {
      const zones = new Map<string, boolean>()
      const now = clock.now()
      for (const row of await listServices(database.read, { binary: 'cinder-volume' })) {
        const available = row.disabled === 0 && alive.isUp(row.binary, row.host, now, settings.service_down_time)
        zones.set(row.availability_zone, available || zones.get(row.availability_zone) === true)
      }
      return { status: 200, body: { availabilityZoneInfo: [...zones].sort(([a], [b]) => a.localeCompare(b)).map(([zoneName, available]) => ({ zoneName, zoneState: { available } })) } }
    },

    async listPools({ ctx, version, query }) {
      const detail = switchOf(query, 'detail')
      let pools = await cinder.scheduler.any().listPools(ctx, {})
      if (version.atLeast('3.28') && query.name !== undefined) pools = pools.filter((pool) => pool.name === query.name)
      if (version.atLeast('3.35') && query.volume_type !== undefined) {
        const { extraSpecs } = await typeFor(cinder, ctx, query.volume_type)
        pools = pools.filter((pool) => capabilitiesFilter({ ...pool, zone: '' }, { extraSpecs, sizeGiB: 0, availabilityZone: '', multiattach: false }))
      }
      return { status: 200, body: { pools: pools.map(({ name, capabilities }) => (detail ? { name, capabilities } : { name })) } }
    },

    async listExtensions() {
      return { status: 200, body: { extensions: extensions.map((each) => ({ ...each, links: [] })) } }
    },
    async showExtension({ params }) {
      const found = extensions.find((each) => each.alias === params.alias)
      if (!found) throw new NotFound('The resource could not be found.')
      return { status: 200, body: { extension: { ...found, links: [] } } }
    },
  }
}

function viewMessage(baseUrl: string, row: MessageRow) {
  return {
    id: row.id, event_id: row.event_id, user_message: row.user_message, message_level: row.message_level,
    created_at: wireTime(new Date(row.created_at)), guaranteed_until: wireTime(new Date(row.expires_at)),
    request_id: row.request_id, resource_type: row.resource_type, resource_uuid: row.resource_uuid, links: linksOf(baseUrl, 'messages', row.id),
  }
}

const messageFilters = ['resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level'] as const

export function messageHandlers(cinder: Cinder): Handlers<typeof messageRoutes> {
  async function messageFor(ctx: RequestContext, id: string): Promise<MessageRow> {
    const row = await findMessage(cinder.database.read, id, seenFrom(ctx))
    if (!row) throw new MessageNotFound(`Message ${id.slice(0, 80)} could not be found.`)
    return row
  }
  return {
    async listMessages({ ctx, version, baseUrl, query }) {
      // Pages and filters came with 3.5.
      const asked = version.atLeast('3.5') ? query : {}
      const { page, offset } = pageOf(asked, Object.keys(messageSortColumns), cinder.settings.osapi_max_limit)
      const filters = filtersOf(asked)
      keepFilters(filters, messageFilters, { admin: isAdmin(ctx), refuses: version.atLeast('3.31') })
      const filter: MessageFilter = {
        project_id: ctx.identity.projectId ?? '',
        ...Object.fromEntries([...filters].filter(([name]) => (messageFilters as readonly string[]).includes(name))),
      }
      const rows = await listMessages(cinder.database.read, filter, page, offset)
      if (!rows) throw new MessageNotFound(`Message ${(page.marker ?? '').slice(0, 80)} could not be found.`)
      const links = nextPage(`${baseUrl}/messages`, asked, rows.map((row) => row.id), page.limit)
      return { status: 200, body: { messages: rows.map((row) => viewMessage(baseUrl, row)), ...(links && { messages_links: links }) } }
    },
    async showMessage({ ctx, baseUrl, params }) {
      return { status: 200, body: { message: viewMessage(baseUrl, await messageFor(ctx, params.id)) } }
    },
    async deleteMessage({ ctx, params }) {
      const row = await messageFor(ctx, params.id)
      await cinder.database.transaction((tx) => deleteMessage(tx, row.id))
      return { status: 204 }
    },
  }
}
