// The scheduler's decisions as tables of cases.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { applyFilters, availabilityZoneFilter, capabilitiesFilter, capacityFilter } from './filters.ts'
import type { PoolState, Wanted } from './pools.ts'
import { satisfies } from './requirements.ts'
import { rank } from './weighers.ts'

const pool = (capabilities: Record<string, unknown>, name = 'h@b#p'): PoolState => ({ name, zone: 'nova', capabilities })
const thick = (total: number, free: number, more: Record<string, unknown> = {}) => pool({ total_capacity_gb: total, free_capacity_gb: free, ...more })
const wanted = (more: Partial<Wanted> = {}): Wanted => ({ sizeGiB: 10, availabilityZone: 'nova', extraSpecs: {}, multiattach: false, ...more })

test('zone', () => {
  assert.equal(availabilityZoneFilter(thick(1, 1), wanted()), true)
  assert.equal(availabilityZoneFilter(thick(1, 1), wanted({ availabilityZone: 'other' })), false)
})

describe('capacity', () => {
  const thin = (provisioned: number, free: number) =>
    pool({ total_capacity_gb: 100, free_capacity_gb: free, provisioned_capacity_gb: provisioned, thin_provisioning_support: true, max_over_subscription_ratio: 2 })
  const cases: readonly [PoolState, boolean][] = [
    [thick(100, 10), true], [thick(100, 9), false], [thick(100, 15, { reserved_percentage: 10 }), false], [thick(0, 0), false],
    [pool({ total_capacity_gb: 'infinite', free_capacity_gb: 'infinite' }), true], [pool({}), false],
    [thin(190, 50), true], [thin(191, 50), false], [thin(0, 4), false], [thin(0, 5), true],
  ]
  for (const [state, passes] of cases) test(JSON.stringify(state.capabilities), () => assert.equal(capacityFilter(state, wanted()), passes))
})

describe('requirements', () => {
  const cases: readonly [unknown, string, boolean][] = [
    ['fake', 'fake', true], ['fake', 'file', false], [true, '<is> True', true], [false, '<is> True', false], [false, '<is> False', true],
    ['a b c', '<in> b', true], ['a b c', '<in> d', false], [5, '>= 5', true], [4, '>= 5', false], [5, '== 5', true], [7, '= 5', true], [5, '!= 5', false],
    ['b', 's> a', true], ['a', 's== a', true], ['gold', '<or> silver <or> gold', true], ['tin', '<or> silver <or> gold', false], ['x', '> 1', false],
  ]
  for (const [offered, asked, fits] of cases) test(`${String(offered)} for ${asked}`, () => assert.equal(satisfies(offered, asked), fits))
})

test('extra specs are compared with capabilities; foreign scopes are left alone', () => {
  const state = pool({ volume_backend_name: 'fast', nested: { kind: 'ssd' } })
  assert.equal(capabilitiesFilter(state, wanted({ extraSpecs: { volume_backend_name: 'fast', 'capabilities:nested:kind': 'ssd', 'qos:limit': '5' } })), true)
  assert.equal(capabilitiesFilter(state, wanted({ extraSpecs: { missing: 'x' } })), false)
})

test('the most room wins, and each filter says how many fell to it', () => {
  const pools = [{ ...thick(100, 20), name: 'a' }, { ...thick(100, 90), name: 'b' }, { ...thick(100, 5), name: 'c' }]
  const { passed, refused } = applyFilters(['AvailabilityZoneFilter', 'CapacityFilter'], pools, wanted())
  assert.deepEqual([...refused], [['CapacityFilter', 1]])
  assert.deepEqual(rank(['CapacityWeigher'], passed, wanted()).map((each) => each.name), ['b', 'a'])
  const given = [{ ...thick(1, 1, { allocated_capacity_gb: 9 }), name: 'full' }, { ...thick(1, 1, { allocated_capacity_gb: 1 }), name: 'empty' }]
  assert.deepEqual(rank(['AllocatedCapacityWeigher'], given, wanted()).map((each) => each.name), ['empty', 'full'])
})
