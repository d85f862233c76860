// What filters make of hints, as tables.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#core/errors'
import type { PlacementRequest, SchedulerHints } from '../../model/server.ts'
import { applyFilters } from './filters.ts'
import type { HostState } from './hosts.ts'
import { readQuery } from './json-query.ts'

const host = (name: string, hostIp: string): HostState => ({
  host: name, node: name, providerId: name, zone: 'nova', aggregates: [], enabled: true, up: true, hostIp, capabilities: { hypervisor_type: 'QEMU', hypervisor_version: '7002000' },
  servers: 2, tasks: 0, reported: { vcpus: 4, ramMiB: 8192, freeRamMiB: 1024, diskGiB: 100, freeDiskGiB: 50 },
})
const hosts = [host('a', '192.0.2.1'), host('b', '192.0.2.130'), host('c', '2001:db8::1')]
const ask = (hints: SchedulerHints, neighbours: Record<string, string> = {}): PlacementRequest => ({
  serverId: 's', projectId: 'p', userId: 'u', imageProperties: {}, localDiskGiB: 1, ignoredHosts: [], hints, neighbours,
  flavor: { id: '1', name: 'f', vcpus: 1, memoryMiB: 1, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} },
})

const cases: readonly (readonly [filter: string, PlacementRequest, passed: string])[] = [
  ['SameHostFilter', ask({}), 'abc'],
  ['SameHostFilter', ask({ sameHost: ['1', '2'] }, { 1: 'a', 2: 'c' }), 'ac'],
  ['SameHostFilter', ask({ sameHost: ['unknown'] }), ''],
  ['DifferentHostFilter', ask({}), 'abc'],
  ['DifferentHostFilter', ask({ differentHost: ['1', 'unknown'] }, { 1: 'a', 2: 'c' }), 'bc'],
  ['SimpleCIDRAffinityFilter', ask({}), 'abc'],
  ['SimpleCIDRAffinityFilter', ask({ nearIp: '192.0.2.7' }), 'ab'],
  ['SimpleCIDRAffinityFilter', ask({ nearIp: '192.0.2.7', cidr: '/25' }), 'a'],
  ['SimpleCIDRAffinityFilter', ask({ nearIp: '2001:db8::9', cidr: '/64' }), 'c'],
  ['SimpleCIDRAffinityFilter', ask({ nearIp: '192.0.2.7', cidr: '/99' }), ''],
  ['JsonFilter', ask({}), 'abc'],
  ['JsonFilter', ask({ query: '["=", "$host", "b"]' }), 'b'],
  ['JsonFilter', ask({ query: 'nonsense' }), 'refused'],
]

for (const [filter, request, passed] of cases) {
  test(`${filter} with ${JSON.stringify(request.hints)}`, () => {
    if (passed === 'refused') return assert.throws(() => applyFilters([filter], hosts, request), AppError)
    assert.equal(applyFilters([filter], hosts, request).hosts.map((each) => each.host).join(''), passed)
  })
}

const [first] = hosts
const queries: readonly (readonly [query: string, boolean | undefined])[] = [
  ['[]', true], ['[">=", "$free_ram_mb", 1024]', true], ['[">", "$free_ram_mb", 1024]', false], ['["<=", "$free_disk_mb", 51200, 60000]', true],
  ['["and", [">=", "$vcpus_total", 4], ["=", "$hypervisor_type", "QEMU"]]', true], ['["or", ["=", "$num_instances", 1], ["=", "$num_io_ops", 1]]', false],
  ['["not", ["=", "$host", "b"]]', true], ['["not", ["=", "$host", "a"]]', false], ['["in", "$host", "x", "a"]', true], ['["=", "$host"]', false],
  ['["=", "$nothing", "a"]', false], ['["<", "$host", 5]', false], ['["=", "$__proto__", 1]', false],
  ['{"a": 1}', undefined], ['7', undefined], ['["eval", "x"]', undefined], ['["constructor", 1]', undefined], ['["and", {"a": 1}]', undefined], ['[', undefined],
  [`${'["not", '.repeat(30)}1${']'.repeat(30)}`, undefined],
]
for (const [query, expected] of queries) {
  test(`the query ${query.slice(0, 60)} is ${expected ?? 'refused'}`, () => {
    if (expected === undefined) assert.throws(() => readQuery(query), AppError)
    else assert.equal(first && readQuery(query)(first), expected)
  })
}

test('a flavor that asks for what hosts and aggregates do not have finds none, whatever the name', () => {
  const extraSpecs = (key: string) => ({ ...ask({}), flavor: { ...ask({}).flavor, extraSpecs: { [key]: '<in> x' } } })
  const inAggregate = hosts.map((host) => ({ ...host, aggregates: [{ name: 'fast', metadata: { ssd: 'true' } }] }))
  for (const [filter, key] of [['ComputeCapabilitiesFilter', 'constructor'], ['AggregateInstanceExtraSpecsFilter', 'aggregate_instance_extra_specs:constructor']] as const) {
    assert.deepEqual(applyFilters([filter], inAggregate, extraSpecs(key)).hosts, [], filter)
  }
})
