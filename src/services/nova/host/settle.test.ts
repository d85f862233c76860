// What the auditor asks of a host while somebody else works on the server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Conflict } from '#core/errors'
import type { CallContext, RequestContext } from '#core/context'
import type { ServerDescription } from '../model/server.ts'
import type { ComputeHost } from './host.ts'
import { settleInterface, settleVolume } from './settle.ts'

const told = { serverId: 's', operation: { id: 'o', epoch: 1 } }

function startLab(server: Partial<ServerDescription>) {
  const done: string[] = []
  const does = (name: string) => async (_call: unknown, serverId: string, id: string) => void done.push(`${name} ${serverId} ${id}`)
  const host = {
    conductor: { any: () => ({ describeServer: async () => ({ serverId: 's', blockDevices: [], ports: [], ...server }) }) },
    driver: { detachVolume: does('detachVolume'), detachInterface: does('detachInterface') },
  } as unknown as ComputeHost
  const [ctx, call] = [{} as RequestContext, {} as CallContext]
  return { done, settle: [() => settleVolume(host, ctx, call, told, 'v'), () => settleInterface(host, ctx, call, told, 'x')] }
}

test('a device that is just being plugged in is not taken for one that nobody gave to the server', async () => {
  const { done, settle } = startLab({ atWork: true })
  for (const each of settle) await assert.rejects(each, Conflict)
  assert.deepEqual(done, [])
})

test('what the server does not have any more is unplugged', async () => {
  const { done, settle } = startLab({})
  for (const each of settle) assert.deepEqual(await each(), { plugged: false })
  assert.deepEqual(done, ['detachVolume s v', 'detachInterface s x'])
})
