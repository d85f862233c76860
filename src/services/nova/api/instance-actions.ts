// Handlers and views of what was done to servers.
import { BadRequest, NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { Version } from '#core/spec'
import type { instanceActionRoutes } from '../contract/instance-actions.ts'
import { type Action, type ActionEvent, actionEvents, findAction, listActions } from '../db/actions.ts'
import { actionsFor } from '../domain/servers/history.ts'
import type { Nova } from '../domain/nova.ts'
import { nextLinks } from './links.ts'
import { readLimit } from './servers/read-list.ts'
import { hostId } from './servers/view.ts'
import { microseconds } from './values.ts'

type ActionQuery = { limit?: string; marker?: string; 'changes-since'?: string; 'changes-before'?: string }

const viewAction = (action: Action, version: Version) => ({
  action: action.action, instance_uuid: action.instance_uuid, request_id: action.request_id, user_id: action.user_id, project_id: action.project_id,
  start_time: microseconds(action.start_time), message: action.message, ...(version.atLeast('2.58') && { updated_at: microseconds(action.updated_at) }),
})

function readTime(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const time = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(value) ? value : `${value}Z`)
  if (Number.isNaN(time)) throw new BadRequest(`Invalid input for query parameters ${name}. Value: ${value.slice(0, 80)}. '${value.slice(0, 80)}' is not a 'date-time'`)
  return new Date(time).toISOString()
}

export const instanceActionHandlers = (nova: Nova): Handlers<typeof instanceActionRoutes> => ({
  async listActions({ ctx, params, query, version, ...asked }) {
    const { db } = await actionsFor(nova, ctx, params.server_id, 'list', version.atLeast('2.21'))
    const paged = version.atLeast('2.58')
    const { limit: most, marker, 'changes-since': changedSince, 'changes-before': changedBefore } = (paged ? query : {}) as ActionQuery
    const limit = readLimit(nova, most)
    const [since, before] = [readTime('changes-since', changedSince), readTime('changes-before', changedBefore)]
    if (since !== undefined && before !== undefined && before < since) throw new BadRequest('The value of changes-since must be less than or equal to changes-before.')
    const actions = await listActions(db, params.server_id, {
      limit, ...(since !== undefined && { since }), ...(before !== undefined && { before }), ...(marker !== undefined && { marker }),
    })
    const next = paged ? nextLinks(asked, `servers/${params.server_id}/os-instance-actions`, limit, actions.map((action) => action.request_id)) : undefined
    return { status: 200, body: { instanceActions: actions.map((action) => viewAction(action, version)), ...(next && limit > 0 && { links: next }) } }
  },
  async showAction({ ctx, params, version }) {
    const { db, projectId } = await actionsFor(nova, ctx, params.server_id, 'show', version.atLeast('2.21'))
    const action = await findAction(db, params.server_id, params.request_id)
    if (!action) throw new NotFound(`Action ${params.request_id} not found`)
    const allows = (rule: string) => nova.policy.allows(rule, ctx.identity, { project_id: projectId })
    const full = allows('os_compute_api:os-instance-actions:events')
    const details = version.atLeast('2.84') && allows('os_compute_api:os-instance-actions:events:details')
    const shown = full || version.atLeast('2.51')
    const events = shown ? (await actionEvents(db, action.id)).map((event) => viewEvent(event, version, projectId, full, details)) : undefined
    return { status: 200, body: { instanceAction: { ...viewAction(action, version), ...(events && { events }) } } }
  },
})

function viewEvent(event: ActionEvent, version: Version, projectId: string, full: boolean, details: boolean) {
  return {
    event: event.event, start_time: microseconds(event.start_time), finish_time: event.finish_time === null ? null : microseconds(event.finish_time), result: event.result,
    ...(full && { traceback: event.traceback }), ...(version.atLeast('2.62') && { hostId: hostId(event.host, projectId), ...(full && { host: event.host }) }),
    ...(details && { details: event.details }),
  }
}
