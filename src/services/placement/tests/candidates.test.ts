import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claim, makeProvider, must, newId, startPlacement } from './harness.ts'

const host = { VCPU: { total: 8 }, MEMORY_MB: { total: 4096 } }

test('each host that has room is a candidate, with its summary', async (t) => {
  const call = await startPlacement(t)
  const a = await makeProvider(call, 'a', host, { traits: ['HW_CPU_X86_AVX'] })
  const b = await makeProvider(call, 'b', host)
  await must(call('PUT', `/allocations/${newId()}`, claim(b, { VCPU: 7 })))

  const found = await call('GET', '/allocation_candidates?resources=VCPU:2,MEMORY_MB:512')

  assert.deepEqual(found.body, {
    allocation_requests: [{ allocations: { [a]: { resources: { VCPU: 2, MEMORY_MB: 512 } } }, mappings: { '': [a] } }],
    provider_summaries: {
      [a]: {
        resources: { VCPU: { capacity: 8, used: 0 }, MEMORY_MB: { capacity: 4096, used: 0 } }, traits: ['HW_CPU_X86_AVX'],
        parent_provider_uuid: null, root_provider_uuid: a,
      },
    },
  })
  const old = await call('GET', '/allocation_candidates?resources=VCPU:2', undefined, { version: '1.10' })
  assert.deepEqual(old.body, {
    allocation_requests: [{ allocations: [{ resource_provider: { uuid: a }, resources: { VCPU: 2 } }] }],
    provider_summaries: { [a]: { resources: { VCPU: { capacity: 8, used: 0 } } } },
  })
})

test('traits, aggregates, trees and limits narrow the candidates', async (t) => {
  const call = await startPlacement(t)
  const [east, west] = [newId(), newId()]
  const a = await makeProvider(call, 'a', host, { traits: ['HW_CPU_X86_AVX', 'COMPUTE_NODE'], aggregates: [east] })
  const b = await makeProvider(call, 'b', host, { traits: ['HW_CPU_X86_AVX2'], aggregates: [east, west] })
  const c = await makeProvider(call, 'c', host)
  const found = async (query: string) => {
    const { body } = await must(call('GET', `/allocation_candidates?resources=VCPU:1&${query}`))
    return body.allocation_requests.flatMap((each: { allocations: object }) => Object.keys(each.allocations)).map((uuid: string) => ({ [a]: 'a', [b]: 'b', [c]: 'c' })[uuid]).join('')
  }
  assert.deepEqual({
    required: await found('required=HW_CPU_X86_AVX'),
    forbidden: await found('required=!HW_CPU_X86_AVX'),
    any: await found('required=in:HW_CPU_X86_AVX,HW_CPU_X86_AVX2&required=!COMPUTE_NODE'),
    member: await found(`member_of=${east}`),
    members: await found(`member_of=${east}&member_of=in:${west},${newId()}`),
    outside: await found(`member_of=!in:${east},${west}`),
    tree: await found(`in_tree=${c}`),
    limit: await found('limit=2'),
    limits: await found('limit=1&limit=3'),
    root: await found('root_required=!HW_CPU_X86_AVX2'),
  }, { required: 'a', forbidden: 'bc', any: 'b', member: 'ab', members: 'b', outside: 'c', tree: 'c', limit: 'ab', limits: 'a', root: 'ac' })
})

test('bad queries are refused with a reason', async (t) => {
  const call = await startPlacement(t)
  await makeProvider(call, 'a', host)
  for (const query of [
    '', 'resources=', 'resources=VCPU', 'resources=VCPU:0', 'resources=VCPU:x', 'resources=NOTHING:1', 'resources=VCPU:1&required=NO_SUCH',
    'resources=VCPU:1&required=A,', 'resources=VCPU:1&required=HW_CPU_X86_AVX,!HW_CPU_X86_AVX', 'resources=VCPU:1&member_of=here', 'resources=VCPU:1&in_tree=x',
    'resources1=VCPU:1&resources2=VCPU:1', 'resources=VCPU:1&group_policy=both', 'resources=VCPU:1&nonsense=1', 'resources=VCPU:1&limit=0',
    'resources=VCPU:1&same_subtree=_A', 'resources=VCPU:1&required_A=COMPUTE_NODE',
  ]) {
    assert.equal((await call('GET', `/allocation_candidates?${query}`)).status, 400, query)
  }
})

test('a tree serves a request together; granular groups come from one provider each', async (t) => {
  const call = await startPlacement(t)
  const root = await makeProvider(call, 'host', { MEMORY_MB: { total: 4096 } })
  const numa0 = await makeProvider(call, 'numa0', { VCPU: { total: 4 } }, { parent: root })
  const numa1 = await makeProvider(call, 'numa1', { VCPU: { total: 4 } }, { parent: root })
  const nic0 = await makeProvider(call, 'nic0', { SRIOV_NET_VF: { total: 2 } }, { parent: numa0 })
  await makeProvider(call, 'other', host)
  const requests = async (query: string, version = '1.39') => (await must(call('GET', `/allocation_candidates?${query}`, undefined, { version }))).body.allocation_requests

  const together = await requests('resources=VCPU:2,MEMORY_MB:64')
  assert.equal(together.length, 3)
  assert.equal((await requests('resources=VCPU:2,MEMORY_MB:64', '1.28')).length, 1)

  const grouped = 'resources=MEMORY_MB:64&resources_A=VCPU:2&resources_B=VCPU:2'
  assert.equal((await requests(`${grouped}&group_policy=none&in_tree=${root}`)).length, 4)
  assert.equal((await requests(`${grouped}&group_policy=isolate&in_tree=${root}`)).length, 2)
  assert.equal((await requests(`${grouped}&group_policy=isolate&group_policy=none&in_tree=${root}`)).length, 2)
  assert.equal((await requests('resources_A=VCPU:3&resources_B=VCPU:3&group_policy=none')).length, 3)

  const near = await requests('resources_CPU=VCPU:1&resources_NIC=SRIOV_NET_VF:1&group_policy=none&same_subtree=_CPU,_NIC')
  assert.deepEqual(near, [{
    allocations: { [numa0]: { resources: { VCPU: 1 } }, [nic0]: { resources: { SRIOV_NET_VF: 1 } } }, mappings: { _CPU: [numa0], _NIC: [nic0] },
  }])
  const summaries = (await call('GET', '/allocation_candidates?resources=SRIOV_NET_VF:1')).body.provider_summaries
  assert.deepEqual(Object.keys(summaries).sort(), [root, numa0, numa1, nic0].sort())
})

test('a provider that shares gives to the trees of its aggregate', async (t) => {
  const call = await startPlacement(t)
  const aggregate = newId()
  const near = await makeProvider(call, 'near', host, { aggregates: [aggregate] })
  await makeProvider(call, 'far', host)
  const disk = await makeProvider(call, 'disk', { DISK_GB: { total: 100 } }, { traits: ['MISC_SHARES_VIA_AGGREGATE'], aggregates: [aggregate] })
  const found = await call('GET', '/allocation_candidates?resources=VCPU:1,DISK_GB:10')
  assert.deepEqual(found.body.allocation_requests, [{
    allocations: { [near]: { resources: { VCPU: 1 } }, [disk]: { resources: { DISK_GB: 10 } } }, mappings: { '': [near, disk] },
  }])
})

test('a provider that shares is in the aggregates of its own tree, not in those of the tree that it shares with', async (t) => {
  const call = await startPlacement(t)
  const [shared, hosts] = [newId(), newId()]
  const root = await makeProvider(call, 'host', {}, { aggregates: [hosts] })
  await makeProvider(call, 'numa', { VCPU: { total: 4 } }, { parent: root, aggregates: [shared] })
  await makeProvider(call, 'disk', { DISK_GB: { total: 100 } }, { traits: ['MISC_SHARES_VIA_AGGREGATE'], aggregates: [shared] })
  const count = async (memberOf: string) => (await must(call('GET', `/allocation_candidates?resources=VCPU:1,DISK_GB:10${memberOf}`))).body.allocation_requests.length
  assert.deepEqual([await count(''), await count(`&member_of=${shared}`), await count(`&member_of=${hosts}`), await count(`&member_of=!${hosts}`)], [1, 1, 0, 0])
})
