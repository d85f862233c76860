// Handlers of what is done to servers.
import type { Handlers } from '#core/http'
import type { serverActionRoutes } from '../../contract/server-actions.ts'
import { readConsole } from '../../domain/servers/console.ts'
import { deleteServer } from '../../domain/servers/delete.ts'
import { lockServer, resetState, unlockServer } from '../../domain/servers/lock.ts'
import { addFixedIp, removeFixedIp } from '../../domain/servers/fixed-addresses.ts'
import type { Nova } from '../../domain/nova.ts'
import { rebootServer, startServer, stopServer } from '../../domain/servers/power.ts'
import { addSecurityGroup, removeSecurityGroup } from '../../domain/servers/security-groups.ts'

const accepted = { status: 202 } as const

export const serverActionHandlers = (nova: Nova): Handlers<typeof serverActionRoutes> => ({
  async startServer({ ctx, params }) {
    await startServer(nova, ctx, params.server_id)
    return accepted
  },
  async stopServer({ ctx, params }) {
    await stopServer(nova, ctx, params.server_id)
    return accepted
  },
  async rebootServer({ ctx, params, body }) {
    const { type } = body.reboot as { type: string }
    await rebootServer(nova, ctx, params.server_id, type.toLowerCase() as 'soft' | 'hard')
    return accepted
  },
  async lockServer({ ctx, params, body, version }) {
    const reason = version.atLeast('2.73') ? (body.lock as { locked_reason?: string } | null)?.locked_reason : undefined
    await lockServer(nova, ctx, params.server_id, reason ?? null)
    return accepted
  },
  async unlockServer({ ctx, params }) {
    await unlockServer(nova, ctx, params.server_id)
    return accepted
  },
  async resetState({ ctx, params, body }) {
    await resetState(nova, ctx, params.server_id, (body['os-resetState'] as { state: 'active' | 'error' }).state)
    return accepted
  },
  async addSecurityGroup({ ctx, params, body }) {
    await addSecurityGroup(nova, ctx, params.server_id, (body.addSecurityGroup as { name: string }).name)
    return accepted
  },
  async removeSecurityGroup({ ctx, params, body }) {
    await removeSecurityGroup(nova, ctx, params.server_id, (body.removeSecurityGroup as { name: string }).name)
    return accepted
  },
  async addFixedIp({ ctx, params, body }) {
    await addFixedIp(nova, ctx, params.server_id, String((body.addFixedIp as { networkId: string | number }).networkId))
    return accepted
  },
  async removeFixedIp({ ctx, params, body }) {
    await removeFixedIp(nova, ctx, params.server_id, (body.removeFixedIp as { address: string }).address)
    return accepted
  },
  async forceDeleteServer({ ctx, params }) {
    await deleteServer(nova, ctx, params.server_id, 'os_compute_api:os-deferred-delete:force')
    return accepted
  },
  async getConsoleOutput({ ctx, params, body }) {
    const { length } = body['os-getConsoleOutput']
    const lines = length === undefined || length === null || Number(length) < 0 ? undefined : Number(length)
    return { status: 200, body: { output: await readConsole(nova, ctx, params.server_id, lines) } }
  },
})
