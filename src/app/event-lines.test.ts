// What people read of an event.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventView } from '#core/events'
import { lineOf } from './event-lines.ts'

const id = '0d3a6b9a-6a3c-4d8e-9b52-0c6f5d2f7a11'
const event = (more: Partial<EventView>): EventView => ({
  id: 'nova_cell1-1', time: '2026-01-02T03:04:05.678Z', type: 'server.state', project_id: 'p', resource: { type: 'server', id }, before: null, after: null,
  related: {}, operation_id: null, request_id: null, ...more,
})
const step = (after: object) => event({ type: 'operation.step', after: { kind: 'server.build', phase: 'run', attempt: 1, ...after } })
const fault = { step: 'spawn', status: 500, code: 'x', message: 'The image is broken.', cancelled: false }

for (const [what, given, wanted] of [
  ['a change shows the status first, and only what changed', event({ before: { status: 'BUILD', task_state: 'spawning', power_state: 0 }, after: { status: 'ACTIVE', task_state: null, power_state: 0 } }), ['server web', 'BUILD → ACTIVE, task_state spawning → none', 'good']],
  ['a change of something else is named', event({ before: { status: 'ACTIVE', power_state: 1 }, after: { status: 'ACTIVE', power_state: 4 } }), ['server web', 'power_state 1 → 4', 'good']],
  ['what went wrong stands out', event({ before: { status: 'BUILD' }, after: { status: 'ERROR' } }), ['server web', 'BUILD → ERROR', 'bad']],
  ['a new thing says what it belongs to', event({ type: 'port.created', resource: { type: 'port', id: 'a'.repeat(36) }, after: { status: 'DOWN' }, related: { device_id: id, network_id: null } }), ['port aaaaaaaa', 'created: DOWN (device web)', 'plain']],
  ['a name in the event goes before one that is known', event({ type: 'server.deleted', resource: { type: 'server', id, name: 'db' }, before: { status: 'ACTIVE' } }), ['server db', 'deleted', 'plain']],
  ['a name cannot give the terminal orders', event({ type: 'server.deleted', resource: { type: 'server', id, name: 'a\u001b]0;x\u0007\r\n\u009b2J\u202eb' } }), ['server a\ufffd]0;x\ufffd\ufffd\ufffd\ufffd2J\ufffdb', 'deleted', 'plain']],
  ['a step that starts is shown', step({ step: 'spawn', status: 'started' }), ['server web', 'server.build: spawn', 'quiet']],
  ['a step that ended well is not', step({ step: 'spawn', status: 'done' }), undefined],
  ['a later try says so', step({ step: 'spawn', status: 'started', attempt: 3 }), ['server web', 'server.build: spawn (try 3)', 'quiet']],
  ['an undo is told apart, and a failure', step({ step: 'spawn', phase: 'undo', status: 'failed' }), ['server web', 'server.build: undo spawn failed', 'bad']],
  ['an end says why', event({ type: 'operation.ended', after: { kind: 'server.build', status: 'failed', fault } }), ['server web', 'server.build failed: The image is broken. (in spawn)', 'bad']],
  ['a good end says that', event({ type: 'operation.ended', after: { kind: 'server.build', status: 'done', fault: null } }), ['server web', 'server.build done', 'good']],
] as const) {
  test(what, () => {
    const line = lineOf(given, (wantedId) => (wantedId === id ? 'web' : undefined))
    assert.deepEqual(line, wanted && { time: '03:04:05.678', subject: wanted[0], text: wanted[1], tone: wanted[2] })
  })
}
