// The auditor of a cloud whose storage is broken by hand.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemIds } from '#core/context'
import { auditorOf, quickAudit } from '../../../app/testing/audit.ts'
import { startCloud } from '../../../app/testing/index.ts'
import { fakeVolumeWorld } from '../start.ts'
import { at, readyVolume, serviceToken, until } from './help.ts'

async function startLab(t: TestContext) {
  const cloud = await startCloud(t, ['cinder'], { config: { cinder: quickAudit } })
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const world = fakeVolumeWorld(cloud.dataDirectory)
  if (!world) throw new Error('there is no fake backend')
  return { cloud, demo, id: String(id), world, auditor: auditorOf(cloud, 'cinder') }
}

test('an export that was dropped comes back, and one that nobody uses is taken back', async (t) => {
  const { demo, id, world, auditor } = await startLab(t)
  const other = String((await readyVolume(demo)).id)
  const claimed = await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, instance_uuid: id, connector: { host: 'host-1' } } }, at('3.54'))
  assert.equal(claimed.status, 200)
  assert.deepEqual(await auditor.history(), [])
  world.dropped.add(id)
  const stray = world.volumes.get(other)
  assert.ok(stray)
  stray.exported = { readOnly: false }
  assert.deepEqual(await auditor.history(), [`export.missing ${id} repaired`, `export.stray ${other} repaired`])
  assert.deepEqual([[...world.dropped], world.volumes.get(other)?.exported], [[], undefined])
  assert.deepEqual(await auditor.audit(), [])
})

test('a volume without a row is removed when asked, what an interrupted creation left at once', async (t) => {
  const { world, auditor } = await startLab(t)
  const [stray, begun] = [systemIds.uuid(), systemIds.uuid()]
  world.volumes.set(stray, { sizeGiB: 3, exported: { readOnly: false } })
  world.unfinished.add(begun)
  const open = await auditor.audit()
  assert.deepEqual([[...world.unfinished], open.map(({ kind, resource, remedy }) => [kind, resource, remedy])], [[], [['volume.stray', stray, 'when-asked']]])
  assert.equal((await auditor.repair(open[0]?.id ?? '')).state, 'repaired')
  assert.equal(world.volumes.has(stray), false)
})

test('a volume whose file is gone is reported, for as long as it is gone', async (t) => {
  const { id, world, auditor } = await startLab(t)
  world.volumes.delete(id)
  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, remedy }) => [kind, resource, remedy]), [['volume.lost', id, 'none']])
  await assert.rejects(auditor.repair(open[0]?.id ?? ''), /Put its file back/)
  world.volumes.set(id, { sizeGiB: 1, exported: undefined })
  assert.deepEqual(await auditor.history(), [`volume.lost ${id} gone`])
})

test('a volume that was cut short is grown again once nobody uses it, one that is larger than its row is told', async (t) => {
  const { cloud, demo, id, world, auditor } = await startLab(t)
  const file = world.volumes.get(id)
  assert.ok(file)
  file.sizeGiB = 0.5
  assert.deepEqual([await auditor.history(), file.sizeGiB], [[`volume.smaller ${id} repaired`], 1])

  const claimed = await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, instance_uuid: id, connector: { host: 'host-1' } } }, at('3.54'))
  file.sizeGiB = 0.5
  const used = await auditor.audit()
  assert.deepEqual([used.map(({ kind, done }) => [kind, done]), file.sizeGiB], [[['volume.smaller', 'The repair failed: The volume is in use.']], 0.5])
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/attachments/${claimed.body.attachment.id}`, undefined, { ...at('3.54'), ...(await serviceToken(cloud)) })).status, 200)
  assert.deepEqual([await auditor.audit(), file.sizeGiB], [[], 1])

  file.sizeGiB = 3
  const [larger, ...more] = await auditor.audit()
  assert.deepEqual([larger?.kind, larger?.remedy, more, file.sizeGiB], ['volume.larger', 'none', [], 3])
  assert.equal((await demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-extend': { new_size: 3 } })).status, 202)
  await until(demo, id, 'available')
  assert.deepEqual(await auditor.audit(), [])
})
