// What an agent does when nobody takes its reports.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock, systemIds, systemRandom } from '#core/context'
import { ServiceUnavailable } from '#core/errors'
import { type Logger, silentLog } from '#core/observe'
import { type AgentHost, reporting } from './agent.ts'

test('an agent whose reports do not arrive says so each time, and goes on reporting until it has taken its leave', async () => {
  const said: { message: string; reason: unknown }[] = []
  const log: Logger = { ...silentLog, warn: (fields, message) => void said.push({ message: String(message), reason: (fields as { err?: Error }).err?.message }), child: () => log }
  let turn: (() => void) | undefined
  const clock: Clock = { ...systemClock, after: (_milliseconds, run) => {
    turn = run
    return { cancel: () => (turn = undefined) }
  } }
  const sent: boolean[] = []
  const bus = { serve: () => ({ close() {} }), async send(_topic: string, _host: unknown, message: { args: string }) {
    sent.push((JSON.parse(message.args) as { stopping: boolean }).stopping)
    throw new ServiceUnavailable('The broker is away.')
  } }
  const runtime = { clock, log, random: systemRandom, ids: systemIds, bus, host: 'host-1' }
  const ctx = { requestId: 'req-1', signal: new AbortController().signal, log, identity: { userId: 'u', userName: 'u', userDomainId: 'd', userDomainName: 'd', roles: [] } }
  const reports = reporting({ runtime, ctx, config: { report_interval: 30, agent_down_time: 75 }, driver: { confirm: async () => {} }, retired: new AbortController().signal } as unknown as AgentHost, 'l2', {}, () => 0)

  for (let round = 0; round < 2; round++) {
    turn?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await reports.stop()
  assert.deepEqual(sent, [false, false, true])
  assert.equal(turn, undefined)
  assert.deepEqual(said, [
    { message: 'an agent could not report; it will report again in 30 seconds', reason: 'The broker is away.' },
    { message: 'an agent could not report; it will report again in 30 seconds', reason: 'The broker is away.' },
    { message: 'an agent could not say that it leaves; it counts as alive for 75 seconds more', reason: 'The broker is away.' },
  ])
})
