// What a host knows of a server that it works on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestContext } from '#core/context'
import { hasVolumes, isWhole } from '../model/block-devices.ts'
import type { ServerDescription } from '../model/server.ts'
import { type ComputeHost, serverOf } from './host.ts'

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
