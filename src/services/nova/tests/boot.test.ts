// A server is booted and deleted through all services.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boot, must, startBench, untilGone, untilStatus } from './bench.ts'

test('a server with one network becomes ACTIVE, and nothing of it is left when it is deleted', async (t) => {
  const bench = await startBench(t)
  const id = await boot(bench)
  const server = await untilStatus(bench.demo, id, 'ACTIVE')
  assert.deepEqual(Object.keys(server.addresses), ['private'])
  assert.equal(bench.playground.world?.guests.get(id)?.state, 'running')

  must(await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(bench.demo, id)
  assert.equal(bench.playground.world?.guests.size, 0)
  assert.deepEqual(must(await bench.admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports, [])
  assert.deepEqual(must(await bench.admin.call('placement', 'GET', `/allocations/${id}`), 200).allocations, {})
})
