// What is done to volumes by action: growing, flags, an administrator's resets and forced deletions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'
import { at, readyVolume, until, untilGone } from './help.ts'

test('a volume grows, never shrinks, and only while it is available', async (t) => {
  const cloud = await startCloud(t, ['cinder'], { config: { cinder: { quota_gigabytes: 10 } } })
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const extend = (size: unknown) => demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-extend': { new_size: size } }, at('3.41'))
  assert.equal((await extend(3)).status, 202)
  assert.equal((await until(demo, id, 'available')).size, 3)
  const smaller = await extend(3)
  assert.equal(smaller.body.badRequest.message, 'Invalid input received: New size for extend must be greater than current size. (current: 3, extended: 3).')
  const over = await extend(11)
  assert.deepEqual([over.status, over.headers['retry-after'], over.body], [413, '0', {
    overLimit: { code: 413, retryAfter: '0', message: 'VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 8G, quota is 10G and 3G has been consumed.' },
  }])
  assert.equal((await until(demo, id, 'available')).size, 3)
  assert.equal((await extend('x')).status, 400)
  await demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-reserve': null })
  assert.equal((await extend(4)).status, 400)
})

test('flags: bootable, read-only, image metadata', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo)
  const act = (action: Record<string, unknown>) => demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, action)
  assert.equal((await act({ 'os-set_bootable': { bootable: 'true' } })).status, 200)
  assert.equal((await act({ 'os-set_bootable': { bootable: 'perhaps' } })).status, 400)
  assert.equal((await act({ 'os-update_readonly_flag': { readonly: true } })).status, 202)
  assert.deepEqual((await act({ 'os-set_image_metadata': { metadata: { os_admin_user: 'root' } } })).body, { metadata: { os_admin_user: 'root' } })
  assert.deepEqual((await act({ 'os-show_image_metadata': {} })).body, { metadata: { os_admin_user: 'root' } })
  const shown = await until(demo, id, 'available')
  assert.deepEqual([shown.bootable, shown.metadata, shown.volume_image_metadata], ['true', { readonly: 'True' }, { os_admin_user: 'root' }])
  const { body: { attachment } } = await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, connector: { host: 'h' } } }, at('3.54'))
  assert.equal(attachment.connection_info.access_mode, 'ro')
  assert.equal((await act({ 'os-update_readonly_flag': { readonly: false } })).status, 400)
  assert.equal((await act({ 'os-unset_image_metadata': { key: 'os_admin_user' } })).status, 200)
  assert.equal((await act({ 'os-unset_image_metadata': { key: 'os_admin_user' } })).status, 404)
})

test('only an administrator resets a status or deletes by force', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo)
  const act = (action: Record<string, unknown>, who = admin) => who.call('cinder', 'POST', `/v3/volumes/${id}/action`, action)
  assert.equal((await act({ 'os-reset_status': { status: 'error' } }, demo)).status, 403)
  assert.equal((await act({ 'os-force_delete': {} }, demo)).status, 403)
  const refusal = async (asked: Record<string, unknown>) => (await act({ 'os-reset_status': asked })).body.badRequest.message
  assert.match(await refusal({ status: 'nonsense' }), /^Volume status: nonsense is invalid, valid statuses are: \('creating', 'available', .*, 'extending'\)\.$/)
  assert.equal(await refusal({ attach_status: 'reserved' }), "Volume attach status: reserved is invalid, valid statuses are: ['attached', 'detached'].")
  assert.match(await refusal({ migration_status: 'x' }), /^Volume migration status: x is invalid, valid statuses are: \('migrating', /)
  assert.equal(await refusal({ status: 'in-use' }), 'Cannot reset-state to in-use because volume does not have any attachments.')
  for (const status of ['deleting', 'extending', 'retyping']) assert.equal(await refusal({ status }), `Cannot reset-state to ${status}`)
  for (const nothing of [{}, { status: null }]) assert.equal(await refusal(nothing), "Must specify 'status', 'attach_status' or 'migration_status' for update.")
  await until(demo, id, 'available')
  assert.equal((await act({ 'os-reset_status': { status: 'maintenance' } })).status, 202)
  await until(demo, id, 'maintenance')
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)).status, 400)
  assert.equal((await act({ 'os-force_delete': {} })).status, 202)
  await untilGone(demo, id)
})

test('a volume that is deleted by force twice is deleted once, and both answers name the operation that does it', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo)
  const held = Promise.withResolvers<void>()
  const { send } = cloud.bus
  Object.assign(cloud.bus, {
    async send(...sent: Parameters<typeof send>) {
      if (sent[2].method === 'deleteVolume') await held.promise
      return send.apply(cloud.bus, sent)
    },
  })
  const remove = async () => {
    const { status, headers } = await admin.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-force_delete': {} })
    return [status, headers['nimbo-operation-id']]
  }
  const first = await remove()
  assert.deepEqual(await remove(), first)
  const { body: { operation } } = await demo.call('cinder', 'GET', `/v1/operations/${first[1]}`)
  assert.deepEqual([first[0], operation.kind, operation.resource.id], [202, 'volume.delete', id])
  held.resolve()
  await untilGone(demo, id)
})

test('a volume that an administrator claims to be made stays so, until it is reset again or deleted by force', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo)
  const act = (action: Record<string, unknown>) => admin.call('cinder', 'POST', `/v3/volumes/${id}/action`, action)
  assert.equal((await act({ 'os-reset_status': { status: 'creating' } })).status, 202)
  await until(demo, id, 'creating')
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)).status, 400)
  assert.equal((await act({ 'os-reset_status': { status: 'available' } })).status, 202)
  await until(demo, id, 'available')
  assert.equal((await act({ 'os-reset_status': { status: 'Creating' } })).status, 202)
  assert.equal((await act({ 'os-force_delete': {} })).status, 202)
  await untilGone(demo, id)
})

test('a volume that an administrator put into error while it was used is available again after a forced detach', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo)
  const act = (action: Record<string, unknown>, who = admin) => who.call('cinder', 'POST', `/v3/volumes/${id}/action`, action)
  assert.equal((await act({ 'os-attach': { instance_uuid: '8f1ba4ee-7fb6-4b4c-9f4b-9a4f3c9d7a11', mountpoint: '/dev/vdb' } }, demo)).status, 202)
  const { attachment_id } = (await until(demo, id, 'in-use')).attachments[0]
  assert.equal((await act({ 'os-reset_status': { status: 'error' } })).status, 202)
  assert.equal((await act({ 'os-force_detach': { connector: null, attachment_id } })).status, 202)
  assert.deepEqual((await until(demo, id, 'available')).attachments, [])
})

test('detaching does not mend a volume that is broken', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo)
  await admin.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-reset_status': { status: 'error' } })
  await demo.call('cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-detach': {} })
  assert.equal((await demo.call('cinder', 'GET', `/v3/volumes/${id}`)).body.volume.status, 'error')
})
