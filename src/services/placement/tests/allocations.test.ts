import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claim, makeProvider, must, newId, startPlacement } from './harness.ts'

test('a claim is shown to the consumer, the provider, the project, and frees all when deleted', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 4, allocation_ratio: 2 }, MEMORY_MB: { total: 1024, reserved: 24 } })
  const consumer = newId()

  const put = await call('PUT', `/allocations/${consumer}`, claim(host, { VCPU: 2, MEMORY_MB: 500 }))
  const held = await call('GET', `/allocations/${consumer}`)
  const ofHost = await call('GET', `/resource_providers/${host}/allocations`)
  const usages = await call('GET', `/resource_providers/${host}/usages`)
  const ofProject = await call('GET', '/usages?project_id=demo-project')
  const old = await call('GET', '/usages?project_id=demo-project', undefined, { version: '1.9' })
  const gone = await call('DELETE', `/allocations/${consumer}`)
  const again = await call('DELETE', `/allocations/${consumer}`)
  const after = await call('GET', `/resource_providers/${host}/usages`)

  assert.equal(put.status, 204)
  assert.deepEqual(held.body, {
    allocations: { [host]: { generation: 2, resources: { VCPU: 2, MEMORY_MB: 500 } } },
    project_id: 'demo-project', user_id: 'member', consumer_generation: 1, consumer_type: 'INSTANCE',
  })
  assert.deepEqual(ofHost.body, { allocations: { [consumer]: { resources: { VCPU: 2, MEMORY_MB: 500 }, consumer_generation: 1 } }, resource_provider_generation: 2 })
  assert.deepEqual(usages.body, { resource_provider_generation: 2, usages: { VCPU: 2, MEMORY_MB: 500 } })
  assert.deepEqual(ofProject.body, { usages: { INSTANCE: { consumer_count: 1, VCPU: 2, MEMORY_MB: 500 } } })
  assert.deepEqual(old.body, { usages: { VCPU: 2, MEMORY_MB: 500 } })
  assert.deepEqual([gone.status, again.status], [204, 404])
  assert.deepEqual(after.body.usages, { VCPU: 0, MEMORY_MB: 0 })
})

test('a claim beyond capacity, off the portions, of a missing class or provider changes nothing', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 4 }, DISK_GB: { total: 100, step_size: 10, min_unit: 20, max_unit: 50 } })
  const statuses = []
  for (const resources of [{ VCPU: 5 }, { DISK_GB: 10 }, { DISK_GB: 25 }, { DISK_GB: 60 }, { MEMORY_MB: 1 }, { CUSTOM_NO: 1 }]) {
    statuses.push((await call('PUT', `/allocations/${newId()}`, claim(host, resources))).status)
  }
  const nowhere = await call('PUT', `/allocations/${newId()}`, claim(newId(), { VCPU: 1 }))
  const broken = await call('PUT', `/allocations/${newId()}`, claim(host, { VCPU: 0 }))
  const provider = await call('GET', `/resource_providers/${host}`)

  assert.deepEqual(statuses, [409, 409, 409, 409, 409, 400])
  assert.deepEqual([nowhere.status, broken.status], [400, 400])
  assert.equal(provider.body.generation, 1)
})

test('of many parallel claims on the last of a host exactly as many win as fit', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 7 } })
  const answers = await Promise.all(Array.from({ length: 20 }, () => call('PUT', `/allocations/${newId()}`, claim(host, { VCPU: 1 }))))
  assert.equal(answers.filter((answer) => answer.status === 204).length, 7)
  assert.equal((await call('GET', `/resource_providers/${host}/usages`)).body.usages.VCPU, 7)
})

test('two claims with the same consumer generation: the later one is told of a concurrent update', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 7 } })
  const consumer = newId()
  await must(call('PUT', `/allocations/${consumer}`, claim(host, { VCPU: 1 })))
  const first = await call('PUT', `/allocations/${consumer}`, claim(host, { VCPU: 2 }, 1))
  const second = await call('PUT', `/allocations/${consumer}`, claim(host, { VCPU: 3 }, 1))
  const asNew = await call('PUT', `/allocations/${consumer}`, claim(host, { VCPU: 3 }, null))
  assert.deepEqual([first.status, second.status, asNew.status], [204, 409, 409])
  assert.equal(second.body.errors[0].code, 'placement.concurrent_update')
  assert.equal((await call('GET', `/resource_providers/${host}/usages`)).body.usages.VCPU, 2)
})

test('several consumers change at once or not at all; an empty claim frees', async (t) => {
  const call = await startPlacement(t)
  const [a, b] = [await makeProvider(call, 'a', { VCPU: { total: 4 } }), await makeProvider(call, 'b', { VCPU: { total: 4 } })]
  const [server, migration] = [newId(), newId()]
  await must(call('PUT', `/allocations/${server}`, claim(a, { VCPU: 3 })))

  const moved = await call('POST', '/allocations', { [server]: claim(b, { VCPU: 3 }, 1), [migration]: claim(a, { VCPU: 3 }, null, 'MIGRATION') })
  const tooMuch = await call('POST', '/allocations', { [server]: claim(a, { VCPU: 3 }, 2), [newId()]: claim(b, { VCPU: 4 }) })
  const empty = { ...claim(a, {}, 1, 'MIGRATION'), allocations: {} }
  const freed = await call('PUT', `/allocations/${migration}`, empty)

  assert.deepEqual([moved.status, tooMuch.status, freed.status], [204, 409, 204])
  assert.deepEqual((await call('GET', `/allocations/${migration}`)).body, { allocations: {} })
  assert.deepEqual((await call('GET', `/resource_providers/${a}/usages`)).body.usages, { VCPU: 0 })
  assert.deepEqual((await call('GET', `/resource_providers/${b}/usages`)).body.usages, { VCPU: 3 })
})

test('old versions claim with a list and name nobody', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 4 } })
  const consumer = newId()
  const put = await call('PUT', `/allocations/${consumer}`, { allocations: [{ resource_provider: { uuid: host }, resources: { VCPU: 1 } }] }, { version: '1.0' })
  const shown = await call('GET', `/allocations/${consumer}`, undefined, { version: '1.0' })
  assert.equal(put.status, 204)
  assert.deepEqual(shown.body, { allocations: { [host]: { generation: 2, resources: { VCPU: 1 } } } })
})

test('the reshaper moves an inventory to a child together with what is held of it', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 4 }, VGPU: { total: 2 } })
  const child = await makeProvider(call, 'gpu', {}, { parent: host })
  const consumer = newId()
  await must(call('PUT', `/allocations/${consumer}`, claim(host, { VCPU: 1, VGPU: 1 })))

  const lost = await call('POST', '/reshaper', { inventories: { [host]: { resource_provider_generation: 2, inventories: { VCPU: { total: 4 } } } }, allocations: {} }, { as: 'service' })
  const body = {
    inventories: {
      [host]: { resource_provider_generation: 2, inventories: { VCPU: { total: 4 } } },
      [child]: { resource_provider_generation: 0, inventories: { VGPU: { total: 2 } } },
    },
    allocations: { [consumer]: { ...claim(host, {}, 1), allocations: { [host]: { resources: { VCPU: 1 } }, [child]: { resources: { VGPU: 1 } } } } },
  }
  const done = await call('POST', '/reshaper', body, { as: 'service' })

  assert.equal(lost.body.errors[0].code, 'placement.inventory.inuse')
  assert.equal(done.status, 204)
  // Inventories, claims and inventories again: each raises a generation.
  assert.deepEqual((await call('GET', `/resource_providers/${child}/usages`)).body, { resource_provider_generation: 3, usages: { VGPU: 1 } })
  assert.deepEqual((await call('GET', `/resource_providers/${host}/usages`)).body, { resource_provider_generation: 5, usages: { VCPU: 1 } })
  const back = await call('POST', '/reshaper', {
    inventories: {
      [host]: { resource_provider_generation: 5, inventories: { VCPU: { total: 4 }, VGPU: { total: 2 } } },
      [child]: { resource_provider_generation: 3, inventories: {} },
    },
    allocations: { [consumer]: claim(host, { VCPU: 1, VGPU: 1 }, 2) },
  }, { as: 'service' })
  assert.equal(back.status, 204)
  assert.deepEqual((await call('GET', `/resource_providers/${child}/usages`)).body, { resource_provider_generation: 4, usages: {} })
})

test('only an administrator or a service may ask; a reader sees the usages of the own project', async (t) => {
  const call = await startPlacement(t)
  const statuses: Record<string, number[]> = {}
  for (const as of ['admin', 'service', 'member', 'reader', 'stranger', 'nobody']) {
    statuses[as] = [
      (await call('GET', '/resource_providers', undefined, { as })).status,
      (await call('GET', '/usages?project_id=demo-project', undefined, { as })).status,
      (await call('GET', '/', undefined, { as })).status,
    ]
  }
  assert.deepEqual(statuses, {
    admin: [200, 200, 200], service: [200, 200, 200], member: [403, 200, 200], reader: [403, 200, 200], stranger: [403, 403, 200], nobody: [401, 401, 200],
  })
  const refused = await call('GET', '/resource_providers', undefined, { as: 'member' })
  assert.equal(refused.body.errors[0].detail, 'Access was denied to this resource.\n\n Policy does not allow placement:resource_providers:list to be performed.  ')
})

test('a claim that comes after its server is gone, or a second time, holds nothing', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 4 } })
  const [early, late] = [newId(), newId()]
  const asNova = (key: string) => ({ as: 'service', key })
  const wanted = claim(host, { VCPU: 1 })
  const used = async () => (await call('GET', `/resource_providers/${host}/usages`)).body.usages.VCPU

  const givenBack = await call('DELETE', `/allocations/${late}`, undefined, asNova('build-1/schedule/0'))
  const tooLate = await call('PUT', `/allocations/${late}`, wanted, asNova('build-1/schedule/0'))
  assert.deepEqual([givenBack.status, tooLate.status, await used()], [404, 409, 0])

  const first = await call('PUT', `/allocations/${early}`, wanted, asNova('build-2/schedule/0'))
  const twice = await call('PUT', `/allocations/${early}`, wanted, asNova('build-2/schedule/0'))
  assert.deepEqual([first.status, twice.status, await used()], [204, 409, 1])
  await must(call('DELETE', `/allocations/${early}`, undefined, { as: 'service' }))
  const again = await call('PUT', `/allocations/${early}`, wanted, asNova('build-2/schedule/0'))
  assert.deepEqual([again.status, await used()], [409, 0])

  // What was refused for want of room is not spent: the next host is claimed with the same key.
  const refused = await call('PUT', `/allocations/${early}`, claim(host, { VCPU: 5 }), asNova('build-3/schedule/0'))
  const elsewhere = await call('PUT', `/allocations/${early}`, wanted, asNova('build-3/schedule/0'))
  assert.deepEqual([refused.status, elsewhere.status, await used()], [409, 204, 1])
})

test('a server that was moved to another host keeps its place there, though what gave the first one back comes a second time', async (t) => {
  const call = await startPlacement(t)
  const [first, second] = [await makeProvider(call, 'first', { VCPU: { total: 4 } }), await makeProvider(call, 'second', { VCPU: { total: 4 } })]
  const server = newId()
  const asNova = (key: string) => ({ as: 'service', key })
  const giveBack = () => call('DELETE', `/allocations/${server}`, undefined, asNova('build/schedule/0'))
  await must(call('PUT', `/allocations/${server}`, claim(first, { VCPU: 1 }), asNova('build/schedule/0')))
  await must(giveBack())
  await must(call('PUT', `/allocations/${server}`, claim(second, { VCPU: 1 }), asNova('build/schedule/1')))
  assert.equal((await giveBack()).status, 404)
  assert.equal((await call('GET', `/resource_providers/${second}/usages`)).body.usages.VCPU, 1)
})
