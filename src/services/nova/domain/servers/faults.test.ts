// How a failure is worded for the owner of a server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultMessage } from './faults.ts'

const fault = (code: string, message: string) => ({ step: 'schedule', status: 503, code, message, cancelled: false })

test('a server for which no host could be chosen says so: the part of its build, and why', () => {
  assert.equal(faultMessage('build', fault('rpc.answer_lost', 'nova-scheduler.selectDestination was lost on its way.')),
    'The build of the server failed while a host was chosen for it: nova-scheduler.selectDestination was lost on its way.')
  assert.equal(faultMessage('build', fault('remote.placement', 'An unexpected error occurred.')), 'The build of the server failed while a host was chosen for it: The placement service refused it.')
  const none = 'No valid host was found. There are not enough hosts available. 0 of 2 hosts have room for VCPU 1.'
  assert.equal(faultMessage('build', fault('nova.no_valid_host', none)), none)
})
