// CVE-2023-2088: a volume is not taken from under a server by cinder's API, whatever nova is just doing with it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bench, boot, must, show, startBench, until, untilStatus } from './bench.ts'

async function readyVolume({ demo }: Bench): Promise<string> {
  const { volume: { id } } = must(await demo.call('cinder', 'POST', `/v3/${demo.projectId}/volumes`, { volume: { size: 1 } }), 202)
  await until('the volume is ready', async () => must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/${id}`), 200).volume.status === 'available')
  return id
}

/** The owner of the volume asks cinder to end its only use. */
async function endUse({ demo }: Bench, volumeId: string) {
  const at = { 'openstack-api-version': 'volume 3.54' }
  const { attachments: [{ id }] } = must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/attachments?volume_id=${volumeId}`, undefined, at), 200)
  return demo.call('cinder', 'DELETE', `/v3/${demo.projectId}/attachments/${id}`, undefined, at)
}

/** The hypervisor stands before this call, until it is let go. */
function heldBefore({ playground }: Bench, method: string) {
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  playground.before = async (called) => {
    if (called !== method) return
    reached.resolve()
    await held.promise
  }
  return { reached: reached.promise, goOn: held.resolve }
}

const refusal = (serverId: string) => ({ conflictingRequest: { code: 409, message: `ConflictNovaUsingAttachment: Detach volume from instance ${serverId} using the Compute API` } })
const volumesOf = async ({ demo }: Bench, id: string) => (await show(demo, id))['os-extended-volumes:volumes_attached'].map((each: { id: string }) => each.id)

test('the use of a volume that is just being plugged into a server cannot be ended in cinder', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const [id, volumeId] = [await boot(bench), await readyVolume(bench)]
  await untilStatus(demo, id, 'ACTIVE')
  const { reached, goOn } = heldBefore(bench, 'attachVolume')
  const attached = demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId } })
  await reached
  assert.deepEqual((await endUse(bench, volumeId)).body, refusal(id))
  goOn()
  must(await attached, 200)
  assert.deepEqual(await volumesOf(bench, id), [volumeId])
})

test('the use of a volume whose server is still being built cannot be ended in cinder', async (t) => {
  const bench = await startBench(t)
  const { demo, cloud: { bus } } = bench
  const [first, second] = [await readyVolume(bench), await readyVolume(bench)]
  // Nova does not know the first attachment yet while the second volume is being connected.
  const held = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const { send } = bus
  Object.assign(bus, {
    async send(...sent: Parameters<typeof send>) {
      if (sent[2].method === 'connect' && JSON.stringify(sent[2]).includes(second)) {
        reached.resolve()
        await held.promise
      }
      return send.apply(bus, sent)
    },
  })
  const id = await boot(bench, {
    block_device_mapping_v2: [
      { source_type: 'image', uuid: bench.imageId, destination_type: 'local', boot_index: 0 },
      ...[first, second].map((uuid) => ({ source_type: 'volume', uuid, destination_type: 'volume', boot_index: -1 })),
    ],
  })
  await reached.promise
  assert.deepEqual((await endUse(bench, first)).body, refusal(id))
  held.resolve()
  await untilStatus(demo, id, 'ACTIVE')
  assert.deepEqual(await volumesOf(bench, id), [first, second])
})

test('the use of a volume by a server that its owner does not see cannot be ended in cinder', async (t) => {
  const bench = await startBench(t)
  const { admin } = bench
  const volumeId = await readyVolume(bench)
  const id = await boot(bench, { networks: [] }, admin)
  await untilStatus(admin, id, 'ACTIVE')
  must(await admin.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId } }), 200)
  assert.equal(await show(bench.demo, id), undefined)
  assert.deepEqual((await endUse(bench, volumeId)).body, refusal(id))
})
