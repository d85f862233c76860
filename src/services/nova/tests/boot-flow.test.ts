// The 51 steps of a boot, each recorded by the code that did it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Span } from '#core/trace'
import { type Bench, boot, must, startBench, until, untilStatus } from './bench.ts'

async function spansOf(bench: Bench, id: string): Promise<readonly Span[]> {
  const head = await until('the trace has its end', async () => {
    const found = await bench.cloud.trace.find(id)
    return found?.outcome !== undefined && found
  })
  return bench.cloud.trace.spans(head.traceId)
}

/** Each step with those whose end it needs. Within one part's work they follow each other. */
const needs: Readonly<Record<number, readonly number[]>> = {
  6: [3, 5], 8: [7], 9: [8], 10: [9], 11: [10], 12: [11], 13: [12], 19: [18], 20: [19], 27: [26], 28: [19], 38: [32], 39: [19], 50: [46], 51: [27, 38, 50],
}

test('the first boot of an image with a new volume has all 51 steps, in their order', async (t) => {
  const bench = await startBench(t)
  const session = await bench.cloud.login('demo')
  const id = await boot(bench, {
    block_device_mapping_v2: [
      { source_type: 'image', uuid: bench.imageId, destination_type: 'local', boot_index: 0, delete_on_termination: true },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
    ],
  }, session)
  const server = await untilStatus(session, id, 'ACTIVE')
  assert.equal(server['os-extended-volumes:volumes_attached'].length, 1)
  const spans = await spansOf(bench, id)
  assert.deepEqual([...new Set(spans.map(({ step }) => step))].sort((a, b) => a - b), Array.from({ length: 51 }, (_each, at) => at + 1))
  assert.deepEqual(spans.filter(({ outcome }) => outcome !== 'done' && outcome !== 'cached'), [])
  const startOf = (step: number) => Math.min(...spans.filter((span) => span.step === step).map(({ startedAt }) => startedAt))
  const endOf = (step: number) => Math.min(...spans.filter((span) => span.step === step).map(({ startedAt, durationMs }) => startedAt + durationMs))
  for (const [step, before] of Object.entries(needs)) {
    for (const earlier of before) assert.ok(endOf(Number(step)) + 1 >= startOf(earlier), `step ${step} ended before step ${earlier} began`)
    if (Number(step) > 1) for (const earlier of before) assert.ok(startOf(Number(step)) + 2 >= startOf(earlier), `step ${step} began before step ${earlier}`)
  }
})

test('a server without network or volume shows those steps as skipped, and a second boot shows the image from the cache', async (t) => {
  const bench = await startBench(t)
  const first = await boot(bench)
  await untilStatus(bench.demo, first, 'ACTIVE')
  const answered = must(await bench.demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'alone', imageRef: bench.imageId, flavorRef: '1', networks: 'none' } }, { 'openstack-api-version': 'compute 2.37' }), 202)
  const id = answered.server.id
  await untilStatus(bench.demo, id, 'ACTIVE')
  const spans = await spansOf(bench, id)
  const outcome = (step: number) => [...new Set(spans.filter((span) => span.step === step).map((span) => span.outcome))]
  for (let step = 28; step <= 50; step++) assert.deepEqual(outcome(step), ['skipped'], `step ${step}`)
  assert.deepEqual([outcome(20), outcome(26), outcome(27), outcome(51)], [['done'], ['cached'], ['cached'], ['done']])
})

test('a server boots from a volume that nova makes from the image, which cinder fetches, and the volume goes with it', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const id = await boot(bench, {
    imageRef: '', block_device_mapping_v2: [{ source_type: 'image', uuid: bench.imageId, destination_type: 'volume', volume_size: 1, boot_index: 0, delete_on_termination: true }],
  })
  const server = await untilStatus(demo, id, 'ACTIVE')
  assert.equal(server.image, '')
  const [{ id: volumeId }] = server['os-extended-volumes:volumes_attached']
  assert.deepEqual(bench.playground.world?.guests.get(id)?.spec.disks.map((disk) => [disk.kind, disk.bootIndex]), [['volume', 0]])
  const spans = await spansOf(bench, id)
  // Cinder fetches the image, not this host.
  for (let step = 20; step <= 27; step++) {
    const skipped = new Set(spans.filter((span) => span.step === step).map(({ outcome }) => outcome === 'skipped'))
    assert.deepEqual([...skipped], [step === 20 || step === 27], `step ${step}`)
  }
  assert.equal((await demo.call('nova', 'DELETE', `/v2.1/servers/${id}/os-volume_attachments/${volumeId}`)).status, 403)
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await until('the volume is gone', async () => (await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/${volumeId}`)).status === 404)
})
