// What a server thinks of agents, from their reports and from its database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { type AgentReport, createAgentRegistry } from './agents.ts'

function registry() {
  let now = 1_000_000
  const agents = createAgentRegistry({ clock: { ...systemClock, now: () => new Date(now) } }, 75)
  return { agents, pass: (seconds: number) => void (now += seconds * 1000) }
}

const report = (more: Partial<AgentReport> = {}): AgentReport =>
  ({ kind: 'l2', host: 'host-1', startedAt: '2026-01-01T00:00:00.000Z', configurations: { tunneling_ip: '192.0.2.1' }, load: 0, stopping: false, ...more })
const row = (host: string) => ({ agent_type: 'Linux bridge agent', host, admin_state_up: 1, configurations: '{"tunneling_ip":"192.0.2.1"}', started_at: '2026-01-01T00:00:00.000Z' })

test('servers can be started just after neutron-server was: agents count as alive until they should have reported', () => {
  const { agents, pass } = registry()
  agents.recall([row('host-1')])
  assert.equal(agents.isAlive(agents.find('l2', 'host-1')), true)
  assert.equal(agents.find('l2', 'host-1')?.configurations['tunneling_ip'], '192.0.2.1')
  assert.equal(agents.reported(report()), false, 'nothing new')
  pass(76)
  assert.equal(agents.isAlive(agents.find('l2', 'host-1')), false)
  assert.equal(agents.reported(report()), true, 'it had counted as down')
})

test('new work goes to an agent that reported rather than to one that is only known from before', () => {
  const { agents } = registry()
  agents.recall([row('host-0')])
  agents.reported(report({ load: 7 }))
  assert.equal(agents.choose('l2')?.host, 'host-1')
})

test('the late good-bye of an agent does not count for the one that followed it', () => {
  const { agents } = registry()
  agents.reported(report())
  agents.reported(report({ startedAt: '2026-01-01T00:05:00.000Z' }))
  agents.reported(report({ stopping: true }))
  assert.equal(agents.isAlive(agents.find('l2', 'host-1')), true)
  agents.reported(report({ startedAt: '2026-01-01T00:05:00.000Z', stopping: true }))
  assert.equal(agents.isAlive(agents.find('l2', 'host-1')), false)
})

test('hosts that only say they are there do not fill the memory: the oldest reports are forgotten', () => {
  const { agents } = registry()
  for (let number = 0; number <= 10_000; number++) agents.reported(report({ host: `host-${number}` }))
  assert.equal(agents.all().length, 10_000)
  assert.deepEqual([agents.find('l2', 'host-0'), agents.find('l2', 'host-10000')?.host], [undefined, 'host-10000'])
})
