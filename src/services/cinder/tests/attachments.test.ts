// Attachments: claiming, connecting, completing and ending the use of a volume, and who may.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { type Session, startCloud } from '../../../app/testing/index.ts'
import { at, readyVolume, serviceToken, until, untilGone, uuid } from './help.ts'

const server = '11111111-2222-3333-4444-555555555555'
const connector = { host: 'host-1', ip: '127.0.0.1', initiator: 'iqn.x', mountpoint: '/dev/vdb', os_type: 'linux2', platform: 'x86_64', multipath: false }

const attach = (session: Session, attachment: Record<string, unknown>, headers: Record<string, string> = {}) =>
  session.call('cinder', 'POST', '/v3/attachments', { attachment }, { ...at('3.54'), ...headers })

test('a volume goes from claim over connection to use and back', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo)
  const claimed = await attach(demo, { volume_uuid: id, instance_uuid: server })
  assert.equal(claimed.status, 200)
  const { id: attachmentId } = claimed.body.attachment
  assert.match(attachmentId, uuid)
  assert.deepEqual(claimed.body, {
    attachment: { id: attachmentId, status: 'reserved', instance: server, volume_id: id, attached_at: '', detached_at: '', attach_mode: 'null', connection_info: {} },
  })
  assert.deepEqual((await until(demo, id, 'reserved')).attachments, [])

  const updated = await demo.call('cinder', 'PUT', `/v3/attachments/${attachmentId}`, { attachment: { connector } }, at('3.54'))
  assert.equal(updated.status, 200)
  const { attached_at: attachedAt, connection_info: info } = updated.body.attachment
  assert.deepEqual(info, {
    driver_volume_type: 'nbd', socket: '/nonexistent/fake-volumes', export: id, access_mode: 'rw', qos_specs: null, encrypted: false, cacheable: false,
    volume_id: id, attachment_id: attachmentId,
  })
  assert.deepEqual([updated.body.attachment.status, updated.body.attachment.attach_mode], ['attaching', 'rw'])
  await until(demo, id, 'attaching')

  const completed = await demo.call('cinder', 'POST', `/v3/attachments/${attachmentId}/action`, { 'os-complete': null }, at('3.44'))
  assert.deepEqual([completed.status, completed.body], [204, ''])
  const use = { id, attachment_id: attachmentId, volume_id: id, server_id: server, host_name: null, device: '/dev/vdb', attached_at: attachedAt }
  assert.deepEqual((await until(demo, id, 'in-use')).attachments, [use])
  assert.deepEqual((await until(admin, id, 'in-use')).attachments, [{ ...use, host_name: 'host-1' }])

  const refused = await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)
  assert.deepEqual([refused.status, Object.keys(refused.body)], [400, ['badRequest']])
  assert.equal((await admin.call('cinder', 'DELETE', `/v3/volumes/${id}?force=true`, undefined, at('3.23'))).status, 400)

  const ended = await demo.call('cinder', 'DELETE', `/v3/attachments/${attachmentId}`, undefined, { ...at('3.54'), ...(await serviceToken(cloud)) })
  assert.deepEqual([ended.status, ended.body], [200, { attachments: [] }])
  await until(demo, id, 'available')
  assert.equal((await demo.call('cinder', 'GET', `/v3/attachments/${attachmentId}`, undefined, at('3.54'))).status, 404)
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)).status, 202)
  await untilGone(demo, id)
})

test('CVE-2023-2088: a user cannot take a volume from under a server, a service can', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const { body: { attachment } } = await attach(demo, { volume_uuid: id, instance_uuid: server, connector })
  const remove = (headers: Record<string, string> = {}) => demo.call('cinder', 'DELETE', `/v3/attachments/${attachment.id}`, undefined, { ...at('3.54'), ...headers })
  const refused = await remove()
  assert.deepEqual(refused.body, { conflictingRequest: { code: 409, message: `ConflictNovaUsingAttachment: Detach volume from instance ${server} using the Compute API` } })
  for (const action of [{ 'os-detach': { attachment_id: attachment.id } }, { 'os-terminate_connection': { connector } }]) {
    assert.equal((await demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, action)).status, 409)
  }
  const reconnect = (headers: Record<string, string> = {}) =>
    demo.call('cinder', 'PUT', `/v3/attachments/${attachment.id}`, { attachment: { connector: { ...connector, host: 'elsewhere' } } }, { ...at('3.54'), ...headers })
  assert.deepEqual((await reconnect()).body, refused.body)
  assert.equal((await reconnect(await serviceToken(cloud))).status, 200)
  // A header that anyone can write is no service token.
  assert.equal((await remove({ 'x-service-token': demo.token })).status, 409)
  assert.equal((await remove({ 'x-service-roles': 'service' })).status, 409)
  assert.equal((await remove(await serviceToken(cloud))).status, 200)
})

test('of many that claim one volume at once one wins, the others are told why', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const replies = await Promise.all(Array.from({ length: 8 }, (_, at_) => attach(demo, { volume_uuid: id, instance_uuid: `${at_}1111111-2222-3333-4444-555555555555`, connector })))
  assert.deepEqual(replies.map((reply) => reply.status).sort((a, b) => a - b), [200, 400, 400, 400, 400, 400, 400, 400])
  const told = replies.find((reply) => reply.status === 400)?.body.badRequest.message
  assert.match(told, /^Invalid volume: Volume .* status must be available or downloading to reserve, but the current status is (reserved|attaching)\.$/)
  const { body } = await demo.call('cinder', 'GET', '/v3/attachments', undefined, at('3.27'))
  assert.equal(body.attachments.length, 1)
})

test('the same server may claim its volume once more, for another host', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const service = await serviceToken(cloud)
  const { id } = await readyVolume(demo)
  const first = (await attach(demo, { volume_uuid: id, instance_uuid: server, connector })).body.attachment
  await demo.call('cinder', 'POST', `/v3/attachments/${first.id}/action`, { 'os-complete': null }, at('3.54'))
  const second = (await attach(demo, { volume_uuid: id, instance_uuid: server })).body.attachment
  const put = (host: string) => demo.call('cinder', 'PUT', `/v3/attachments/${second.id}`, { attachment: { connector: { ...connector, host } } }, at('3.54'))
  assert.equal((await put('host-1')).status, 409)
  assert.equal((await put('host-2')).status, 200)
  const gone = await demo.call('cinder', 'DELETE', `/v3/attachments/${first.id}`, undefined, { ...at('3.54'), ...service })
  assert.deepEqual(gone.body.attachments.map((each: any) => each.id), [second.id])
  await until(demo, id, 'attaching')
  await demo.call('cinder', 'DELETE', `/v3/attachments/${second.id}`, undefined, { ...at('3.54'), ...service })
  await until(demo, id, 'available')
})

test('a repeated internal create answers what the first one made', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const service = await serviceToken(cloud)
  const keyed = (key: string) => ({ ...at('3.54'), ...service, 'idempotency-key': key })
  const make = () => demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, name: 'root' } }, keyed('op-1/volume'))
  const [one, two] = [await make(), await make()]
  assert.equal(one.body.volume.id, two.body.volume.id)
  const { id } = one.body.volume
  await until(demo, id, 'available')
  const claim = () => attach(demo, { volume_uuid: id, instance_uuid: server }, keyed('op-1/attachment'))
  const [first, again] = [await claim(), await claim()]
  assert.deepEqual([first.status, again.status, again.body], [200, 200, first.body])
  const racing = await Promise.all(Array.from({ length: 6 }, () => demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }, keyed('op-2/volume'))))
  assert.deepEqual([new Set(racing.map((answer) => answer.status)), new Set(racing.map((answer) => answer.body.volume.id)).size], [new Set([202]), 1])
  const admin = await cloud.login('admin')
  const type = () => admin.call('cinder', 'POST', '/v3/types', { volume_type: { name: 'fast' } }, keyed('op-3/type'))
  const [made, same] = [await type(), await type()]
  assert.deepEqual([made.status, same.status, same.body], [200, 200, made.body])
  // A user's own key means nothing.
  const mine = () => demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }, { ...at('3.54'), 'idempotency-key': 'op-1/volume' })
  assert.notEqual((await mine()).body.volume.id, id)
})

test('attachments are listed for their project, by volume, server and state', async (t) => {
  let offset = 0
  const cloud = await startCloud(t, ['cinder'], { capabilities: { clock: { ...systemClock, now: () => new Date(Date.now() + offset) } } })
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const [a, b] = [await readyVolume(demo), await readyVolume(demo)]
  const first = (await attach(demo, { volume_uuid: a.id, instance_uuid: server })).body.attachment
  offset = 1000
  const second = (await attach(demo, { volume_uuid: b.id, connector, mode: 'ro' })).body.attachment
  assert.deepEqual([second.instance, second.attach_mode, second.connection_info.access_mode], [null, 'ro', 'ro'])
  const list = async (query: string, who = demo) => (await who.call('cinder', 'GET', `/v3/attachments${query}`, undefined, at('3.54'))).body.attachments?.map((each: any) => each.id)
  assert.deepEqual(await list(''), [second.id, first.id])
  assert.deepEqual(await list(`?volume_id=${a.id}`), [first.id])
  assert.deepEqual(await list(`/detail?instance_id=${server}`), [first.id])
  assert.deepEqual(await list('?status=attaching'), [second.id])
  assert.deepEqual(await list('?limit=1&sort=created_at:asc'), [first.id])
  assert.deepEqual(await list('', admin), [])
  assert.deepEqual(await list('?all_tenants=1', admin), [second.id, first.id])
  assert.equal((await demo.call('cinder', 'GET', '/v3/attachments?nonsense=1', undefined, at('3.54'))).status, 400)
})

test('the older way to attach: reserve, connect, note, detach, disconnect', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const act = async (action: Record<string, unknown>) => demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, action)
  assert.equal((await act({ 'os-reserve': null })).status, 202)
  const twice = await act({ 'os-reserve': null })
  assert.equal(twice.body.badRequest.message, 'Invalid volume: Volume status must be available to reserve, but the status is attaching.')
  assert.equal((await act({ 'os-unreserve': null })).status, 202)
  await until(demo, id, 'available')
  await act({ 'os-reserve': null })
  const connected = await act({ 'os-initialize_connection': { connector } })
  assert.deepEqual(connected.body.connection_info.data.export, id)
  assert.equal((await act({ 'os-attach': { instance_uuid: server, mountpoint: '/dev/vdc' } })).status, 202)
  const used = await until(demo, id, 'in-use')
  assert.deepEqual([used.attachments.length, used.attachments[0].device, used.metadata], [1, '/dev/vdc', { readonly: 'False', attached_mode: 'rw' }])
  assert.equal((await act({ 'os-begin_detaching': null })).status, 202)
  await until(demo, id, 'detaching')
  assert.equal((await act({ 'os-roll_detaching': null })).status, 202)
  await until(demo, id, 'in-use')
  await act({ 'os-begin_detaching': null })
  assert.equal((await act({ 'os-begin_detaching': null })).status, 400)
  assert.equal((await act({ 'os-terminate_connection': { connector } })).status, 202)
  assert.equal((await act({ 'os-detach': {} })).status, 202)
  assert.deepEqual((await until(demo, id, 'available')).attachments, [])
  assert.equal((await act({ 'os-attach': { mountpoint: '/dev/vdc' } })).status, 400)
  assert.equal((await act({ 'os-nonsense': {} })).status, 400)
})

test('a server that asks for its volume again, since it did not hear the answer, is connected once, and the volume stays in use', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo)
  const keyed = { ...(await serviceToken(cloud)), 'idempotency-key': 'build-1/connect' }
  const ask = () => attach(demo, { volume_uuid: id, instance_uuid: server, connector }, keyed)
  const answers = await Promise.all([ask(), ask(), ask()])
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200])
  assert.equal(new Set(answers.flatMap(({ headers }) => headers['nimbo-operation-id'] ?? [])).size, 1)
  const [attachmentId] = new Set(answers.map(({ body }) => body.attachment.id as string))
  assert.equal((await demo.call('cinder', 'POST', `/v3/attachments/${attachmentId}/action`, { 'os-complete': null }, at('3.44'))).status, 204)
  assert.equal((await ask()).body.attachment.id, attachmentId)
  assert.equal((await until(demo, id, 'in-use')).attachments.length, 1)
  const { body: { operations } } = await admin.call('cinder', 'GET', `/v1/operations?resource=${attachmentId}&all_projects=true`)
  assert.deepEqual(operations.map((each: { kind: string }) => each.kind), ['attachment.connect'])
})
