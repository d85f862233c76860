// Many who make images at once, for the last of a quota.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'

test('of 30 images that are made at once as many are there as the project may have', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'glance'], { config: { glance: { image_count_total: 6 } } })
  const demo = await cloud.login('demo')
  const make = (at: number) => demo.call('glance', 'POST', '/v2/images', { name: `image ${at}`, disk_format: 'raw', container_format: 'bare' })
  const statuses = (await Promise.all(Array.from({ length: 30 }, (_none, at) => make(at)))).map(({ status }) => status)
  assert.deepEqual([statuses.filter((status) => status === 201).length, statuses.filter((status) => status === 413).length], [6, 24])
  assert.equal((await demo.call('glance', 'GET', '/v2/images?owner=' + demo.projectId)).body.images.length, 6)
})
