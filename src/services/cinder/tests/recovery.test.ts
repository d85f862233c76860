// What a stop in the middle leaves, what fails on the way, and the steps of a boot that cinder records.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type Clock, systemClock } from '#core/context'
import { ServiceUnavailable, toWireError } from '#core/errors'
import { type Logger, silentLog } from '#core/observe'
import { AnswerLost } from '#core/rpc'
import { startCloud } from '../../../app/testing/index.ts'
import { quickClock } from '../../../core/testing/quick-clock.ts'
import { eventually } from '../../../core/testing/real-machine.ts'
import { BackendFailed } from '../model/errors.ts'
import { fakeVolumeWorld } from '../start.ts'
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

test('a hundred volumes that are asked for at once are all made, and go again', async (t) => {
  const cloud = await startCloud(t, ['cinder'], { config: { cinder: { quota_volumes: -1, quota_gigabytes: -1 } } })
  const demo = await cloud.login('demo')
  await readyVolume(demo)
  const ids = await Promise.all(Array.from({ length: 100 }, async () => (await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })).body.volume.id as string))
  for (const id of ids) await until(demo, id, 'available')
  const listed = (await demo.call('cinder', 'GET', '/v3/volumes')).body.volumes.map(({ id }: { id: string }) => id)
  assert.deepEqual(ids.filter((id) => !listed.includes(id)), [])
  await Promise.all(ids.map((id) => demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)))
  for (const id of ids) await untilGone(demo, id)
})

test('a backend that cannot begin leaves the rest of the cloud alone: its service is down, creates say why, and it comes up once it can', async (t) => {
  const said: { message: string; fields: Record<string, unknown> }[] = []
  const log: Logger = { ...silentLog, error: (fields, message) => void said.push({ message: String(message), fields: fields as Record<string, unknown> }), child: () => log }
  const waiting: (() => void)[] = []
  const passTime = () => waiting.splice(0).forEach((wake) => wake())
  let ahead = 0
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead, async sleep(milliseconds, signal) {
    if (milliseconds < 1000) return systemClock.sleep(milliseconds, signal)
    await Promise.race([new Promise<void>((resolve) => void waiting.push(resolve)), once(signal ?? new AbortController().signal, 'abort')])
  } }
  const cloud = await startCloud(t, ['cinder'], { capabilities: { log, clock } })
  const { id } = await readyVolume(await cloud.login('demo'))
  const world = fakeVolumeWorld(cloud.dataDirectory)
  assert.ok(world)
  world.trouble = 'The storage daemon of this host does not do what it is told.'

  const again = await cloud.restart()
  const [demo, admin] = [await again.login('demo'), await again.login('admin')]
  const state = async () => (await admin.call('cinder', 'GET', '/v3/os-services?binary=cinder-volume')).body.services.map((each: any) => [each.host, each.state, each.status])
  assert.deepEqual(await state(), [['host-1@fake', 'down', 'enabled']])
  assert.equal((await demo.call('cinder', 'GET', `/v3/volumes/${id}`)).body.volume.status, 'available')
  const refused = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  assert.equal(refused.status, 202)
  await until(demo, refused.body.volume.id, 'creating')
  // It is waited for, but not for long.
  ahead = 20_000
  await until(demo, refused.body.volume.id, 'error')
  const { messages } = (await demo.call('cinder', 'GET', '/v3/messages', undefined, at('3.5'))).body
  assert.deepEqual(messages.map((each: any) => [each.resource_uuid, /No valid backend/i.test(each.user_message) || each.user_message]), [[refused.body.volume.id, true]])
  const failures = () => said.filter(({ message }) => message.startsWith('the backend cannot begin'))
  for (let round = 1; round <= 3; round++) {
    await eventually('the backend has been tried', () => failures().length === round)
    await until(demo, id, 'available')
    passTime()
  }
  await eventually('the backend has been tried', () => failures().length === 4)
  assert.deepEqual(failures().map(({ fields }) => [fields['backend'], fields['attempt'], fields['pauseSeconds'], (fields['err'] as Error).message]), [1, 2, 3, 4].map((attempt) =>
    ['host-1@fake', attempt, 2 ** (attempt - 1), world.trouble]))

  world.trouble = undefined
  passTime()
  await readyVolume(demo)
  assert.deepEqual(await state(), [['host-1@fake', 'up', 'enabled']])
  await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)
  await untilGone(demo, id)

  // A cloud whose backend never begins stops all the same.
  world.trouble = 'Still not.'
  await (await again.restart()).stop()
})

test('a volume that was asked for right before a restart is made, though its backend takes a while to say that it is there', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  await readyVolume(await cloud.login('demo'))
  const world = fakeVolumeWorld(cloud.dataDirectory)
  assert.ok(world)
  world.trouble = 'Not yet.'
  const again = await cloud.restart()
  const demo = await again.login('demo')
  const { id } = (await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })).body.volume
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal((await demo.call('cinder', 'GET', `/v3/volumes/${id}`)).body.volume.status, 'creating')
  world.trouble = undefined
  await until(demo, id, 'available')
})

test('a volume whose place is chosen while its backend is being replaced is made by the new one', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  await readyVolume(demo)
  const { send } = cloud.bus
  let silent = 5
  Object.assign(cloud.bus, {
    send: (...sent: Parameters<typeof send>) => {
      if (['placeVolume', 'createVolume', 'connect', 'disconnect'].includes(sent[2].method) && silent-- > 0) throw new ServiceUnavailable(`No ${sent[0]} service answers.`, { topic: sent[0] })
      return send.apply(cloud.bus, sent)
    },
  })
  const { id } = await readyVolume(demo)
  silent = 2
  const claimed = await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, instance_uuid: id, connector: { host: 'host-1' } } }, at('3.54'))
  assert.equal(claimed.status, 200)
  assert.ok(silent < 0)
})

test('a volume whose backend refuses for a while goes all the same once it works again', async (t) => {
  const cloud = await startCloud(t, ['cinder'], { capabilities: { clock: quickClock(100) } })
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const { send } = cloud.bus
  let refused = 0
  Object.assign(cloud.bus, {
    send: (...sent: Parameters<typeof send>) => {
      if (sent[2].method === 'deleteVolume' && refused++ < 7) throw new BackendFailed('The engine failed.')
      return send.apply(cloud.bus, sent)
    },
  })
  const asked = await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)
  assert.equal(asked.status, 202)
  await untilGone(demo, id)
  assert.equal(refused, 8)
})

test('a volume that grows while its backend goes away and comes back has its new size', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const { send } = cloud.bus
  let lost = 0
  Object.assign(cloud.bus, {
    async send(...sent: Parameters<typeof send>) {
      const answered = await send.apply(cloud.bus, sent)
      if (sent[2].method !== 'extendVolume' || lost++ > 0) return answered
      return { ...answered, answer: answered.answer.then(() => ({ error: toWireError(new AnswerLost('The service went away before it answered.')) })) }
    },
  })
  assert.equal((await demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-extend': { new_size: 3 } })).status, 202)
  assert.deepEqual([(await until(demo, id, 'available')).size, fakeVolumeWorld(cloud.dataDirectory)?.volumes.get(id)?.sizeGiB, lost], [3, 3, 2])
})

test('a volume whose server went while it grew is available again, and not in use by nobody', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const { attachment } = (await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, instance_uuid: id, connector: { host: 'host-1' } } }, at('3.54'))).body
  assert.equal((await demo.call('cinder', 'POST', `/v3/attachments/${attachment.id}/action`, { 'os-complete': null }, at('3.54'))).status, 204)
  await until(demo, id, 'in-use')
  const { send } = cloud.bus
  let letGo = () => {}
  const held = new Promise<void>((resolve) => (letGo = resolve))
  Object.assign(cloud.bus, {
    async send(...sent: Parameters<typeof send>) {
      if (sent[2].method === 'checkGrowth') await held
      return send.apply(cloud.bus, sent)
    },
  })
  assert.equal((await demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-extend': { new_size: 3 } }, at('3.42'))).status, 202)
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/attachments/${attachment.id}`, undefined, { ...at('3.54'), ...(await serviceToken(cloud)) })).status, 200)
  letGo()
  const volume = await until(demo, id, 'available')
  assert.deepEqual([volume.size, volume.attachments], [1, []])
})

test('a connection that the backend does not end is answered with the operation that tried it', async (t) => {
  const cloud = await startCloud(t, ['cinder'], { capabilities: { clock: quickClock(100) } })
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const { attachment } = (await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, connector: { host: 'host-1' } } }, at('3.54'))).body
  const { send } = cloud.bus
  Object.assign(cloud.bus, {
    send: (...sent: Parameters<typeof send>) => {
      if (sent[2].method === 'disconnect') throw new BackendFailed('The engine failed.')
      return send.apply(cloud.bus, sent)
    },
  })
  const ended = await demo.call('cinder', 'DELETE', `/v3/attachments/${attachment.id}`, undefined, at('3.54'))
  assert.deepEqual([ended.status, ended.body.computeFault.message], [500, 'Unable to terminate volume connection from backend.'])
  const { body: { operation } } = await demo.call('cinder', 'GET', `/v1/operations/${ended.headers['nimbo-operation-id']}`)
  assert.deepEqual([operation.kind, operation.status, operation.resource.id], ['attachment.disconnect', 'failed', attachment.id])
})

test('a volume in use stays reachable when it is connected anew in vain', async (t) => {
  const cloud = await startCloud(t, ['cinder'], { capabilities: { clock: quickClock(100) } })
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const body = { attachment: { connector: { host: 'host-1' } } }
  const { attachment } = (await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, ...body.attachment } }, at('3.54'))).body
  const { send } = cloud.bus
  const asked: string[] = []
  Object.assign(cloud.bus, {
    send: (...sent: Parameters<typeof send>) => {
      asked.push(sent[2].method)
      if (sent[2].method === 'connect') throw new BackendFailed('The engine failed.')
      return send.apply(cloud.bus, sent)
    },
  })
  const answer = await demo.call('cinder', 'PUT', `/v3/attachments/${attachment.id}`, body, at('3.54'))
  assert.deepEqual([answer.status, asked.includes('connect'), asked.includes('disconnect')], [500, true, false])
})
