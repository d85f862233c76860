import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { claim, makeProvider, must, newId, startPlacement } from './harness.ts'

test('a provider shows what its version knows', async (t) => {
  const call = await startPlacement(t)
  const uuid = newId()
  const made = await call('POST', '/resource_providers', { name: 'host', uuid })
  const old = await call('GET', `/resource_providers/${uuid}`, undefined, { version: '1.0' })
  const href = `/resource_providers/${uuid}`
  const links = ['inventories', 'usages', 'aggregates', 'traits', 'allocations'].map((rel) => ({ rel, href: `${href}/${rel}` }))
  assert.deepEqual(made.body, { uuid, name: 'host', generation: 0, links: [{ rel: 'self', href }, ...links], parent_provider_uuid: null, root_provider_uuid: uuid })
  assert.equal(made.headers['location'], `http://placement${href}`)
  assert.equal(made.headers['cache-control'], 'no-cache')
  assert.deepEqual(old.body, { uuid, name: 'host', generation: 0, links: [{ rel: 'self', href }, ...links.slice(0, 2)] })
  assert.equal((await call('POST', '/resource_providers', { name: 'host' })).body.errors[0].code, 'placement.duplicate_name')
  assert.equal((await call('POST', '/resource_providers', { name: 'x', uuid }, { version: '1.19' })).status, 409)
  assert.equal((await call('POST', '/resource_providers', { name: 'y' }, { version: '1.19' })).status, 201)
  assert.equal((await call('POST', '/resource_providers', { name: 'y', colour: 1 })).status, 400)
})

test('trees: parents, moving, deleting', async (t) => {
  const call = await startPlacement(t)
  const root = await makeProvider(call, 'root', {})
  const child = await makeProvider(call, 'child', {}, { parent: root })
  const grandchild = await makeProvider(call, 'grandchild', { VGPU: { total: 1 } }, { parent: child })
  const early = await call('PUT', `/resource_providers/${child}`, { name: 'child', parent_provider_uuid: null }, { version: '1.36' })
  const loop = await call('PUT', `/resource_providers/${root}`, { name: 'root', parent_provider_uuid: grandchild })
  const inTree = await call('GET', `/resource_providers?in_tree=${grandchild}`)
  const moved = await call('PUT', `/resource_providers/${child}`, { name: 'kid', parent_provider_uuid: null })
  const below = await call('GET', `/resource_providers/${grandchild}`)
  const parent = await call('DELETE', `/resource_providers/${child}`)
  await must(call('PUT', `/allocations/${newId()}`, claim(grandchild, { VGPU: 1 })))
  const used = await call('DELETE', `/resource_providers/${grandchild}`)
  assert.deepEqual([early.status, loop.status, inTree.body.resource_providers.length], [400, 400, 3])
  assert.deepEqual([moved.body.name, moved.body.root_provider_uuid, below.body.root_provider_uuid], ['kid', child, child])
  assert.equal(parent.body.errors[0].code, 'placement.resource_provider.cannot_delete_parent')
  assert.equal(used.body.errors[0].code, 'placement.resource_provider.inuse')
  assert.equal((await call('DELETE', `/resource_providers/${root}`)).status, 204)
  assert.equal((await call('GET', `/resource_providers/${root}`)).status, 404)
})

test('inventories follow generations and what is held', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', { VCPU: { total: 4 } })
  const path = `/resource_providers/${host}/inventories`
  const stale = await call('PUT', path, { resource_provider_generation: 0, inventories: {} })
  await must(call('PUT', `/allocations/${newId()}`, claim(host, { VCPU: 1 })))
  const inUse = await call('PUT', path, { resource_provider_generation: 2, inventories: {} })
  const added = await call('POST', path, { resource_class: 'DISK_GB', total: 10 })
  const twice = await call('POST', path, { resource_class: 'DISK_GB', total: 10 })
  const reserved = await call('PUT', `${path}/DISK_GB`, { resource_provider_generation: 3, total: 10, reserved: 10 }, { version: '1.25' })
  const changed = await call('PUT', `${path}/DISK_GB`, { resource_provider_generation: 3, total: 10, reserved: 10 })
  const kept = await call('DELETE', `${path}/VCPU`)
  const gone = await call('DELETE', `${path}/DISK_GB`)
  const early = await call('DELETE', path, undefined, { version: '1.4' })
  const unknown = await call('PUT', path, { resource_provider_generation: 5, inventories: { CUSTOM_NO: { total: 1 } } })
  const disk = { total: 10, reserved: 0, min_unit: 1, max_unit: 2147483647, step_size: 1, allocation_ratio: 1 }
  assert.equal(stale.body.errors[0].code, 'placement.concurrent_update')
  assert.equal(inUse.body.errors[0].code, 'placement.inventory.inuse')
  assert.deepEqual([added.status, added.body], [201, { ...disk, resource_provider_generation: 3 }])
  assert.deepEqual([twice.status, reserved.status], [409, 400])
  assert.deepEqual(changed.body, { ...disk, reserved: 10, resource_provider_generation: 4 })
  assert.deepEqual([kept.status, gone.status, early.status, unknown.status], [409, 204, 405, 400])
  assert.deepEqual((await call('GET', path)).body, { resource_provider_generation: 5, inventories: { VCPU: { ...disk, total: 4 } } })
})

test('custom classes and traits are made, used, and kept while used', async (t) => {
  const call = await startPlacement(t)
  const host = await makeProvider(call, 'host', {})
  const statuses = async (...calls: [string, string, unknown?, string?][]) => {
    const found = []
    for (const [method, path, body, version] of calls) found.push((await call(method, path, body, version === undefined ? {} : { version })).status)
    return found
  }
  assert.deepEqual(await statuses(
    ['PUT', '/resource_classes/CUSTOM_GOLD'], ['PUT', '/resource_classes/CUSTOM_GOLD'], ['PUT', '/resource_classes/GOLD'], ['POST', '/resource_classes', { name: 'CUSTOM_GOLD' }],
    ['PUT', `/resource_providers/${host}/inventories`, { resource_provider_generation: 0, inventories: { CUSTOM_GOLD: { total: 1 } } }],
    ['DELETE', '/resource_classes/CUSTOM_GOLD'], ['DELETE', '/resource_classes/VCPU'], ['GET', '/resource_classes/CUSTOM_GOLD'], ['GET', '/resource_classes', undefined, '1.1'],
    ['PUT', '/resource_classes/CUSTOM_GOLD', { name: 'CUSTOM_SILVER' }, '1.6'], ['GET', '/resource_classes/CUSTOM_GOLD'], ['GET', `/resource_providers/${host}/inventories/CUSTOM_SILVER`],
  ), [201, 204, 400, 409, 200, 409, 400, 200, 404, 200, 404, 200])
  assert.deepEqual(await statuses(
    ['PUT', '/traits/CUSTOM_RED'], ['PUT', '/traits/CUSTOM_RED'], ['PUT', '/traits/RED'], ['GET', '/traits/CUSTOM_RED'], ['GET', '/traits/CUSTOM_BLUE'],
    ['PUT', `/resource_providers/${host}/traits`, { resource_provider_generation: 1, traits: ['CUSTOM_RED', 'HW_NUMA_ROOT'] }],
    ['PUT', `/resource_providers/${host}/traits`, { resource_provider_generation: 1, traits: [] }],
    ['DELETE', '/traits/CUSTOM_RED'], ['DELETE', `/resource_providers/${host}/traits`], ['DELETE', '/traits/CUSTOM_RED'], ['DELETE', '/traits/HW_NUMA_ROOT'],
  ), [201, 204, 400, 204, 404, 200, 409, 409, 204, 204, 400])
  assert.deepEqual((await call('GET', '/traits?name=startswith:STORAGE_')).body, { traits: ['STORAGE_DISK_HDD', 'STORAGE_DISK_SSD'] })
})

test('providers with a trait that nobody knows cannot be asked for', async (t) => {
  const call = await startPlacement(t)
  await makeProvider(call, 'host', {}, { traits: ['STORAGE_DISK_SSD'] })
  const unknown = await call('GET', '/resource_providers?required=STORAGE_DISK_SSD,BOGUS_TRAIT')
  assert.deepEqual([unknown.status, unknown.body.errors[0].detail.includes('Invalid trait(s) in "required" parameter: No such trait(s): BOGUS_TRAIT.')], [400, true])
  for (const required of ['!BOGUS_TRAIT', 'in:STORAGE_DISK_SSD,BOGUS_TRAIT']) assert.equal((await call('GET', `/resource_providers?required=${required}`)).status, 400)
  assert.equal((await call('GET', '/resource_providers?name=other&name=host&required=STORAGE_DISK_SSD')).body.resource_providers.length, 1)
})

test('a second process sees what the first one wrote, and the other way round', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-placement-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'placement.db')
  const [one, two] = [await startPlacement(t, { file }), await startPlacement(t, { file })]
  const host = await makeProvider(one, 'host', { VCPU: { total: 2 } })
  const consumer = newId()
  assert.equal((await two('PUT', `/allocations/${consumer}`, claim(host, { VCPU: 1 }))).status, 204)
  assert.equal((await one('PUT', `/allocations/${newId()}`, claim(host, { VCPU: 2 }))).status, 409)
  assert.equal((await one('PUT', `/allocations/${newId()}`, claim(host, { VCPU: 1 }))).status, 204)
  assert.deepEqual((await two('GET', `/resource_providers/${host}/usages`)).body, { resource_provider_generation: 3, usages: { VCPU: 2 } })
  assert.equal((await two('DELETE', `/allocations/${consumer}`)).status, 204)
  const spare = await makeProvider(two, 'spare', {})
  assert.equal((await one('DELETE', `/resource_providers/${spare}`)).status, 204)
  assert.equal((await two('GET', `/resource_providers/${spare}`)).status, 404)
  assert.equal((await one('GET', '/allocation_candidates?resources=VCPU:1')).body.allocation_requests.length, 1)
})
