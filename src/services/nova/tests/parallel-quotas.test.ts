// Of many requests at once, a quota lets through just as many as it allows: each quota on its own, with all others open.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPairSync } from 'node:crypto'
import { type Bench, must, startBench } from './bench.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const open = { quota_instances: -1, quota_cores: -1, quota_ram: -1, quota_key_pairs: -1, quota_server_groups: -1, quota_server_group_members: -1 }
const many = 30

const create = ({ demo, imageId }: Bench, flavorRef: string, more: object = {}, hints?: object) => demo.call('nova', 'POST', '/v2.1/servers', {
  server: { name: 'many', imageRef: imageId, flavorRef, networks: 'none', ...more }, ...(hints && { 'os:scheduler_hints': hints }),
}, at('2.93'))

async function used({ demo }: Bench): Promise<Record<string, number>> {
  const { absolute } = must(await demo.call('nova', 'GET', '/v2.1/limits', undefined, at('2.93')), 200).limits
  return { instances: absolute.totalInstancesUsed, cores: absolute.totalCoresUsed, ram: absolute.totalRAMUsed }
}

const count = (answers: readonly { status: number }[]) => Object.fromEntries(Map.groupBy(answers, ({ status }) => status).entries().map(([status, all]) => [status, all.length]))

for (const [name, limit, each, allowed] of [['instances', 7, 1, 7], ['cores', 20, 3, 6], ['ram', 2000, 300, 6]] as const) {
  test(`${many} parallel creates never overshoot the quota of ${name}`, async (t) => {
    const bench = await startBench(t, { config: { nova: { ...open, [`quota_${name}`]: limit } } })
    must(await bench.admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'odd', name: 'odd', ram: 300, vcpus: 3, disk: 1 } }), 200)
    const answers = await Promise.all(Array.from({ length: many }, () => create(bench, 'odd')))
    assert.deepEqual(count(answers), { 202: allowed, 403: many - allowed })
    for (const { status, body } of answers) {
      if (status === 403) assert.equal(body.forbidden.message, `Quota exceeded for ${name}: Requested ${each}, but already used ${allowed * each} of ${limit} ${name}`)
    }
    assert.deepEqual(await used(bench), { instances: allowed, cores: allowed * 3, ram: allowed * 300 })
    assert.equal(must(await bench.demo.call('nova', 'GET', '/v2.1/servers'), 200).servers.length, allowed)
  })

  test(`parallel requests for several servers each share the quota of ${name} out to the last one`, async (t) => {
    const bench = await startBench(t, { config: { nova: { ...open, [`quota_${name}`]: limit } } })
    must(await bench.admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'odd', name: 'odd', ram: 300, vcpus: 3, disk: 1 } }), 200)
    const answers = await Promise.all(Array.from({ length: 10 }, () => create(bench, 'odd', { min_count: 1, max_count: 4 })))
    assert.deepEqual(count(answers), { 202: 2, 403: 8 })
    assert.deepEqual(await used(bench), { instances: allowed, cores: allowed * 3, ram: allowed * 300 })
  })
}

test("a user's own limits bound him within his project, and the project's bound all", async (t) => {
  const bench = await startBench(t, { config: { nova: { ...open, quota_instances: 6 } } })
  const { admin, demo, cloud } = bench
  must(await admin.call('nova', 'PUT', `/v2.1/os-quota-sets/${demo.projectId}?user_id=${demo.userId}`, { quota_set: { instances: 4 } }), 200)
  const member = await cloud.login('member')
  const answers = await Promise.all(Array.from({ length: many }, () => create(bench, '1')))
  assert.deepEqual(count(answers), { 202: 4, 403: many - 4 })
  assert.equal(answers.find(({ status }) => status === 403)?.body.forbidden.message, 'Quota exceeded for instances: Requested 1, but already used 4 of 4 instances')
  assert.deepEqual(count(await Promise.all(Array.from({ length: 5 }, () => create({ ...bench, demo: member }, '1')))), { 202: 2, 403: 3 })
})

test(`${many} parallel creates never overshoot the quota of keypairs`, async (t) => {
  const { demo } = await startBench(t, { config: { nova: { ...open, quota_key_pairs: 5 } } })
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), Buffer.from(x, 'base64url')])
  const answers = await Promise.all(Array.from({ length: many }, (_each, index) =>
    demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name: `k${index}`, public_key: `ssh-ed25519 ${blob.toString('base64')}` } })))
  assert.deepEqual(count(answers), { 200: 5, 403: many - 5 })
  assert.equal(must(await demo.call('nova', 'GET', '/v2.1/os-keypairs'), 200).keypairs.length, 5)
})

test(`${many} parallel creates never overshoot the quotas of server groups and of their members`, async (t) => {
  const bench = await startBench(t, { config: { nova: { ...open, quota_server_groups: 5, quota_server_group_members: 4 } } })
  const { demo } = bench
  const answers = await Promise.all(Array.from({ length: many }, () => demo.call('nova', 'POST', '/v2.1/os-server-groups', { server_group: { name: 'g', policies: ['soft-affinity'] } }, at('2.15'))))
  assert.deepEqual(count(answers), { 200: 5, 403: many - 5 })
  const { server_groups: groups } = must(await demo.call('nova', 'GET', '/v2.1/os-server-groups'), 200)
  assert.equal(groups.length, 5)
  const joined = await Promise.all(Array.from({ length: many }, () => create(bench, '1', {}, { group: groups[0].id })))
  assert.deepEqual(count(joined), { 202: 4, 403: many - 4 })
  assert.equal(must(await demo.call('nova', 'GET', `/v2.1/os-server-groups/${groups[0].id}`), 200).server_group.members.length, 4)
})
