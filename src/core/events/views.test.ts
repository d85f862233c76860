// What an owner sees of a failure, and what only an admin does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventRow } from '#core/db'
import { viewEvent } from './views.ts'

const row: EventRow = {
  sequence: 7, time: 0, type: 'operation.ended', project_id: 'p', resource_type: 'server', resource_id: 's', resource_name: '', before: '{"status":"undoing"}',
  after: JSON.stringify({ kind: 'server.build', status: 'failed', fault: { step: 'spawn', status: 500, code: 'internal', message: 'It failed.', cancelled: false, causes: ['connect ENOENT /secret/place'] } }),
  related: null, internals: null, operation_id: 'o', request_id: 'r',
}

test('what lay behind a failure is shown to admins alone', () => {
  const [owner, admin] = [viewEvent('log', row, {}, false), viewEvent('log', row, {}, true)]
  assert.deepEqual(owner.after, { kind: 'server.build', status: 'failed', fault: { step: 'spawn', status: 500, code: 'internal', message: 'It failed.', cancelled: false } })
  assert.ok(!JSON.stringify(owner).includes('/secret/place'))
  assert.deepEqual(admin.internals, { causes: ['connect ENOENT /secret/place'] })
  assert.deepEqual([owner.id, owner.resource], ['log-7', { type: 'server', id: 's' }])
})

test('a service adds to the states of its resources, and not to those of operations on them', () => {
  const views = { server: (state: object) => ({ status: 'SHOWN', ...state }) }
  assert.deepEqual(viewEvent('log', { ...row, type: 'server.state', after: '{"vm_state":"active"}', internals: '{"host":"h"}' }, views, false).after, { status: 'SHOWN', vm_state: 'active' })
  assert.equal(viewEvent('log', row, views, false).after?.['status'], 'failed')
})
