// Handlers and views of nova's services, in the form by host and binary and in the one by UUID.
import { BadRequest, NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { Version } from '#core/spec'
import type { ServiceBody, serviceRoutes } from '../contract/services.ts'
import type { Reference } from '../db/compute-hosts.ts'
import { allServices, changeService, changeServiceOn, removeService, type ServiceChange, type ServiceStatus } from '../domain/compute-services.ts'
import type { Nova } from '../domain/nova.ts'
import { looksLikeUuid, microseconds, rowNumber, toBoolean } from './values.ts'

type OnHost = { host: string; binary: string; disabled_reason?: string; forced_down?: boolean | string }

export const serviceHandlers = (nova: Nova): Handlers<typeof serviceRoutes> => ({
  async listServices({ query, version }) {
    const [host, binary] = [query.host?.at(-1), query.binary?.at(-1)]
    const services = (await allServices(nova)).filter(({ service }) => (!host || service.host === host) && (!binary || service.binary === binary))
    return { status: 200, body: { services: services.map((service) => viewService(service, version)) } }
  },
  async updateServiceOnHost({ ctx, params, body, version }) {
    const { host, binary, ...asked } = body as OnHost
    const change = oldChange(params.id, asked, version)
    await changeServiceOn(nova, ctx, host, binary, change)
    const { disabled, disabledReason, forcedDown } = change
    const service = forcedDown !== undefined
      ? { host, binary, forced_down: forcedDown }
      : { host, binary, status: disabled ? 'disabled' : 'enabled', ...(typeof disabledReason === 'string' && { disabled_reason: disabledReason }) }
    return { status: 200, body: { service } }
  },
  async updateService({ ctx, params, body, version }) {
    if (!looksLikeUuid(params.id)) throw new BadRequest(`Invalid uuid ${params.id}`)
    return { status: 200, body: { service: viewService(await changeService(nova, ctx, params.id, newChange(body)), version) } }
  },
  async deleteService({ ctx, params, version }) {
    await removeService(nova, ctx, referenceOf(params.id, version))
    return { status: 204 }
  },
})

function oldChange(action: string, { disabled_reason: reason, forced_down: forcedDown }: Omit<OnHost, 'host' | 'binary'>, version: Version): ServiceChange {
  if (action === 'enable') return { disabled: false }
  if (action === 'disable') return { disabled: true }
  if (action === 'disable-log-reason') {
    if (reason === undefined) throw new BadRequest('Missing disabled reason field')
    return { disabled: true, disabledReason: reason }
  }
  if (action === 'force-down' && version.atLeast('2.11')) {
    if (forcedDown === undefined) throw new BadRequest('Missing forced_down field')
    return { forcedDown: toBoolean(forcedDown) }
  }
  throw new NotFound('Unknown action')
}

function newChange(body: { status?: 'enabled' | 'disabled'; disabled_reason?: string; forced_down?: boolean | string }): ServiceChange {
  const { status, disabled_reason: reason, forced_down: forcedDown } = body
  if (status === 'enabled' && reason !== undefined) throw new BadRequest("Specifying 'disabled_reason' with status 'enabled' is invalid.")
  if (status === undefined && forcedDown === undefined) throw new BadRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
  return {
    ...(status !== undefined && { disabled: status === 'disabled', disabledReason: reason ?? null }),
    ...(forcedDown !== undefined && { forcedDown: toBoolean(forcedDown) }),
  }
}

function referenceOf(text: string, version: Version): Reference {
  if (version.atLeast('2.53')) {
    if (!looksLikeUuid(text)) throw new BadRequest(`Invalid uuid ${text}`)
    return { uuid: text }
  }
  const id = rowNumber(text)
  if (id === undefined) throw new BadRequest('Invalid input received: id must be an integer')
  return { id }
}

function viewService({ service, zone, up }: ServiceStatus, version: Version): ServiceBody {
  return {
    id: version.atLeast('2.53') ? service.uuid : service.id, binary: service.binary, host: service.host, zone, status: service.disabled === 1 ? 'disabled' : 'enabled',
    state: up ? 'up' : 'down', updated_at: service.last_seen_up === null ? null : microseconds(service.last_seen_up), disabled_reason: service.disabled_reason,
    ...(version.atLeast('2.11') && { forced_down: service.forced_down === 1 }),
  }
}
