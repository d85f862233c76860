// Volumes through the front door: made, shown, listed, changed, deleted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud, type Session } from '../../../app/testing/index.ts'

const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/
const at = (version: string) => ({ 'openstack-api-version': `volume ${version}` })

async function until(session: Session, id: string, status: string): Promise<any> {
  for (let tries = 0; tries < 200; tries++) {
    const { body } = await session.call('cinder', 'GET', `/v3/volumes/${id}`)
    if (body.volume?.status === status) return body.volume
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`volume ${id} did not become ${status}`)
}

test('a volume is created, becomes available, and is gone after its deletion', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const made = await demo.call('cinder', 'POST', `/v3/${demo.projectId}/volumes`, { volume: { size: 1, name: ' data ', metadata: { a: 'b' } } })
  assert.equal(made.status, 202)
  const { id, created_at: createdAt, user_id: userId } = made.body.volume
  assert.match(id, uuid)
  const origin = cloud.services.cinder.origin
  assert.deepEqual(made.body, {
    volume: {
      id, status: 'creating', size: 1, availability_zone: 'nova', created_at: createdAt, updated_at: null, name: 'data', description: null,
      volume_type: '__DEFAULT__', snapshot_id: null, source_volid: null, metadata: { a: 'b' },
      links: [
        { rel: 'self', href: `${origin}/v3/${demo.projectId}/volumes/${id}` },
        { rel: 'bookmark', href: `${origin}/${demo.projectId}/volumes/${id}` },
      ],
      user_id: userId, bootable: 'false', encrypted: false, replication_status: null, consistencygroup_id: null, multiattach: false, attachments: [],
    },
  })
  assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
  const volume = await until(demo, id, 'available')
  assert.equal(volume['os-vol-tenant-attr:tenant_id'], demo.projectId)
  assert.equal('os-vol-host-attr:host' in volume, false)

  const deleted = await demo.call('cinder', 'DELETE', `/v3/volumes/${id}`)
  assert.equal(deleted.status, 202)
  for (let tries = 0; tries < 200; tries++) {
    const shown = await demo.call('cinder', 'GET', `/v3/volumes/${id}`)
    if (shown.status === 404) {
      assert.deepEqual(shown.body, { itemNotFound: { code: 404, message: `Volume ${id} could not be found.` } })
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.fail('the volume did not go')
})

test('an administrator sees host and version-dependent fields', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const admin = await cloud.login('admin')
  const made = await admin.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }, at('3.70'))
  assert.equal(made.status, 202)
  const { id } = made.body.volume
  await until(admin, id, 'available')
  const shown = await admin.call('cinder', 'GET', `/v3/volumes/${id}`, undefined, at('3.70'))
  assert.equal(shown.body.volume['os-vol-host-attr:host'], 'host-1@fake#fake')
  assert.equal(shown.headers['openstack-api-version'], 'volume 3.70')
})
