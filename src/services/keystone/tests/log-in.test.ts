import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'

test('the administrator logs in, and services check the token', async (t) => {
  const cloud = await startCloud(t, ['keystone'])
  const admin = await cloud.login('admin')
  const shown = await admin.call('keystone', 'GET', '/v3/auth/tokens', undefined, { 'x-subject-token': admin.token })
  assert.equal(shown.status, 200)
  for (const person of ['demo', 'member', 'reader', 'stranger'] as const) await cloud.login(person)
})
