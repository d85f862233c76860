// What a stop in the middle leaves, what fails on the way, and the steps of a boot that cinder records.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'
import { at, readyVolume, serviceToken, until, untilGone } from './help.ts'

test('volumes and connections are found again after a restart, and what was under way goes on', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const claimed = await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, instance_uuid: id, connector: { host: 'host-1' } } }, at('3.54'))
  assert.equal(claimed.status, 200)
  const pending = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  const again = await cloud.restart()
  const back = await again.login('demo')
  await until(back, pending.body.volume.id, 'available')
  const shown = await back.call('cinder', 'GET', `/v3/attachments/${claimed.body.attachment.id}`, undefined, at('3.54'))
  assert.deepEqual(shown.body, claimed.body)
  const ended = await back.call('cinder', 'DELETE', `/v3/attachments/${claimed.body.attachment.id}`, undefined, { ...at('3.54'), ...(await serviceToken(again)) })
  assert.equal(ended.status, 200)
  await back.call('cinder', 'DELETE', `/v3/volumes/${id}`)
  await untilGone(back, id)
})

test('a traced request leaves the steps 40 to 50, each once and in order', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  await readyVolume(demo)
  const headers = { ...at('3.54'), ...(await serviceToken(cloud)), 'x-nimbo-trace': 'trace-1' }
  const made = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }, headers)
  const { id } = made.body.volume
  await until(demo, id, 'available')
  const claimed = await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, instance_uuid: id } }, headers)
  await demo.call('cinder', 'PUT', `/v3/attachments/${claimed.body.attachment.id}`, { attachment: { connector: { host: 'host-1' } } }, headers)
  const steps = (await cloud.trace.spans('trace-1')).map((span) => span.step)
  assert.deepEqual(steps, [40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50])
  assert.deepEqual((await cloud.trace.spans('trace-1')).map((span) => span.outcome).slice(1).every((outcome) => outcome === 'done'), true)
})

test('many volumes come and go, quickly', async (t) => {
  const cloud = await startCloud(t, ['cinder'], { config: { cinder: { quota_volumes: -1, quota_gigabytes: -1 } } })
  const demo = await cloud.login('demo')
  await readyVolume(demo)
  const started = performance.now()
  const ids = await Promise.all(Array.from({ length: 100 }, async () => (await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })).body.volume.id as string))
  for (const id of ids) await until(demo, id, 'available')
  const perSecond = 100 / ((performance.now() - started) / 1000)
  t.diagnostic(`${Math.round(perSecond)} volumes per second from request to available`)
  assert.ok(perSecond > 30, `only ${perSecond} per second`)
  const listed = performance.now()
  for (let times = 0; times < 10; times++) assert.equal((await demo.call('cinder', 'GET', '/v3/volumes/detail?limit=50')).body.volumes.length, 50)
  t.diagnostic(`a list of 50 in detail takes ${((performance.now() - listed) / 10).toFixed(1)} ms, replies checked`)
  await Promise.all(ids.map((id) => demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)))
  for (const id of ids) await untilGone(demo, id)
})
