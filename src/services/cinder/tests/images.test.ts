// Volumes from images: what is taken over, and what is refused before the backend sees a byte of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Session, startCloud, type TestCloud } from '../../../app/testing/index.ts'
import { at, until, untilGone } from './help.ts'

async function imageOf(cloud: TestCloud, session: Session, more: Record<string, unknown>, bytes: Buffer): Promise<string> {
  const made = await session.call('glance', 'POST', '/v2/images', { name: 'cirros', disk_format: 'raw', container_format: 'bare', ...more })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const reply = await cloud.services.glance.transport({
    method: 'PUT', path: `/v2/images/${made.body.id}/file`, query: '', headers: { 'x-auth-token': session.token, 'content-type': 'application/octet-stream' },
    body: bytes.toString('latin1'), origin: cloud.services.glance.origin,
  })
  assert.equal(reply.status, 204)
  return made.body.id
}

/** A raw disk of zeros: plain ASCII, so that it survives being a string. */
const zeros = Buffer.alloc(70_000)

test('a volume is filled from an image, is bootable and keeps what the image says', async (t) => {
  const cloud = await startCloud(t, ['glance', 'cinder'])
  const demo = await cloud.login('demo')
  const image = await imageOf(cloud, demo, { os_admin_user: 'cirros', min_disk: 1 }, zeros)
  const made = await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, name: 'root', imageRef: image } }, at('3.70'))
  assert.equal(made.status, 202, JSON.stringify(made.body))
  const volume = await until(demo, made.body.volume.id, 'available')
  assert.equal(volume.bootable, 'true')
  const { checksum, ...kept } = volume.volume_image_metadata
  assert.match(checksum, /^[0-9a-f]{32}$/)
  assert.deepEqual(kept, {
    image_id: image, image_name: 'cirros', container_format: 'bare', disk_format: 'raw', min_disk: '1', min_ram: '0', size: '70000', os_admin_user: 'cirros',
  })
  assert.deepEqual(await readdir(join(cloud.dataDirectory, 'cinder', 'incoming')), [])
  await demo.call('cinder', 'DELETE', `/v3/volumes/${volume.id}`)
  await untilGone(demo, volume.id)
})

test('an image that does not fit, is not active, is not there or is of no use is refused at once', async (t) => {
  const cloud = await startCloud(t, ['glance', 'cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const create = async (imageRef: string, size = 1) => (await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size, imageRef } })).body.badRequest?.message
  const large = await imageOf(cloud, demo, { min_disk: 2 }, zeros)
  assert.equal(await create(large), 'Invalid input received: Volume size 1GB cannot be smaller than the image minDisk size 2GB.')
  const queued = (await demo.call('glance', 'POST', '/v2/images', { name: 'empty', disk_format: 'raw', container_format: 'bare' })).body.id
  assert.equal(await create(queued), `Invalid input received: Image ${queued} is not active.`)
  const unknown = 'Invalid image identifier or unable to access requested image.'
  assert.equal(await create('8f1ba4ee-7fb6-4b4c-9f4b-9a4f3c9d7a11'), unknown)
  assert.equal(await create('../../etc/passwd'), unknown)
  const foreign = await imageOf(cloud, admin, { visibility: 'private' }, zeros)
  assert.equal(await create(foreign), unknown)
})
