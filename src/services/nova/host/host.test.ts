// What a host knows of a server that it works on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RequestContext, systemIds } from '#core/context'
import { hasVolumes, isWhole } from '../model/block-devices.ts'
import type { ServerDescription } from '../model/server.ts'
import { silentLog } from '#core/observe'
import { type ComputeHost, serverOf } from './host.ts'
import { HostJournal } from './journal.ts'
import { reconcile } from './reconcile.ts'

test('a server whose host was replaced while it was built gets all of its volumes: what another incarnation made is asked for', async () => {
  const disk = { id: 'disk', source: 'blank', destination: 'volume', sizeGiB: 1, deleteOnTermination: true, made: false }
  const describe = (more: object) => ({ serverId: 's', requestedNetworks: [], ports: [], blockDevices: [{ ...disk, ...more }] }) as unknown as ServerDescription
  let now = describe({})
  let asked = 0
  const host = {
    known: new Map(),
    conductor: { any: () => ({ describeServer: () => Promise.resolve((asked++, now)) }) },
  } as unknown as ComputeHost
  const ctx = {} as RequestContext
  const volumeOf = async (has?: (server: ServerDescription) => boolean) => (await serverOf(host, ctx, 'op', 's', has)).blockDevices[0]?.volumeId

  assert.equal(await volumeOf(), undefined)
  now = describe({ volumeId: 'v', made: true })
  assert.deepEqual([await volumeOf(), asked], [undefined, 1], 'nothing was made that it has to know')
  assert.deepEqual([await volumeOf(hasVolumes), await volumeOf(hasVolumes), asked], ['v', 'v', 2])
  now = describe({ volumeId: 'v', made: true, attachmentId: 'a' })
  const whole = await serverOf(host, ctx, 'op', 's', isWhole)
  assert.deepEqual([whole.blockDevices[0]?.attachmentId, asked], ['a', 3])
})

test('a guest whose server was built elsewhere while its host was away is removed when the host is back; one that the host was not told to start is left alone', async () => {
  let kept = ''
  const file = { read: async () => kept, append: async (text: string) => void (kept += text), replace: async (text: string) => void (kept = text), close: async () => {} }
  const before = new HostJournal(file)
  await before.open()
  await before.write('build', { at: '2026-01-02T03:04:05.000Z', command: 'spawn', serverId: 'moved', epoch: 1, event: 'told' })
  await before.close()
  const journal = new HostJournal(file)
  await journal.open()
  const destroyed: string[] = []
  const host = {
    journal, runtime: { host: 'host-1', log: silentLog, ids: systemIds },
    driver: { list: async () => ['moved', 'gone', 'own', 'unknown'].map((serverId) => ({ serverId, powerState: 'running' })), destroy: async (_call: unknown, serverId: string) => void destroyed.push(serverId) },
    conductor: { any: () => ({
      serversOfHost: async () => ({ servers: [{ serverId: 'own', vmState: 'active', taskState: null, powerState: 1 }], openOperations: [] }),
      goneServers: async () => ({ gone: ['gone'] }),
    }) },
  } as unknown as ComputeHost
  await reconcile(host)
  assert.deepEqual(destroyed, ['moved', 'gone'])
  assert.deepEqual([journal.operations, [...journal.spawned]], [[], []])
})
