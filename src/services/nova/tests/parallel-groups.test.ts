// Servers of one group that are built at once, by conductors that do not wait for each other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must, show, startBench, until } from './bench.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })

test('of many servers of an anti-affinity group that are asked for at once, one gets the only host', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const { server_group: group } = must(await demo.call('nova', 'POST', '/v2.1/os-server-groups', { server_group: { name: 'apart', policy: 'anti-affinity' } }, at('2.64')), 200)
  const create = async () => must(await demo.call('nova', 'POST', '/v2.1/servers', {
    server: { name: 'x', imageRef: bench.imageId, flavorRef: '1', networks: 'none' }, 'os:scheduler_hints': { group: group.id },
  }, at('2.93')), 202).server.id as string
  const servers = await Promise.all(Array.from({ length: 6 }, create))
  const statuses = await until('all have ended', async () => {
    const found = (await Promise.all(servers.map((id) => show(demo, id)))).map((server) => String(server.status))
    return found.every((status) => status !== 'BUILD') && found
  }, 30)
  assert.deepEqual((await show(demo, servers[0] ?? '')).server_groups, [group.id])
  assert.deepEqual(statuses.sort(), ['ACTIVE', ...Array.from({ length: 5 }, () => 'ERROR')])
})
