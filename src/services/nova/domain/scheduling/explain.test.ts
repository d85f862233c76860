import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#core/errors'
import { noValidHost, type Search } from './explain.ts'

const search: Search = { hosts: ['a', 'b', 'c'], wanted: 'VCPU 1, DISK_GB 9', withRoom: ['a', 'b', 'c'], parts: [], triedBefore: [], filters: [], lost: [] }
const opening = 'No valid host was found. There are not enough hosts available.'

const cases: readonly (readonly [string, Partial<Search>, owner: string, operators: string])[] = [
  ['no room', { withRoom: [], parts: [{ what: 'VCPU 1', hosts: ['a', 'b'] }, { what: 'DISK_GB 9', hosts: [] }] },
    '0 of 3 hosts have room for VCPU 1, DISK_GB 9 (each alone: VCPU 1 on 2, DISK_GB 9 on 0).',
    'no room for VCPU 1, DISK_GB 9: a, b, c\nwithout room for VCPU 1 alone: c\nwithout room for DISK_GB 9 alone: a, b, c'],
  ['filters', { filters: [{ filter: 'ComputeFilter', left: 2, removed: ['c'] }, { filter: 'AllHostsFilter', left: 2, removed: [] }, { filter: 'JsonFilter', left: 0, removed: ['a', 'b'] }] },
    '3 of 3 hosts have room for VCPU 1, DISK_GB 9. ComputeFilter: 2 of 3 passed. JsonFilter: 0 of 2 passed.',
    'no room for VCPU 1, DISK_GB 9: none\nComputeFilter removed: c\nJsonFilter removed: a, b'],
  ['tried, and one lost to another server', { withRoom: ['a', 'b'], triedBefore: ['a', 'z'], lost: ['b'] },
    '2 of 3 hosts have room for VCPU 1, DISK_GB 9. Tried before: 1. Taken by others meanwhile: 1.',
    'no room for VCPU 1, DISK_GB 9: c\ntried before: a, z\ntaken by others meanwhile: b'],
  ['an unknown host was asked for', { forced: 'y' }, '3 of 3 hosts have room for VCPU 1, DISK_GB 9. One host was asked for.',
    'no room for VCPU 1, DISK_GB 9: none\nasked for: y, which is not known'],
]

for (const [name, found, owner, operators] of cases) {
  test(`no valid host: ${name}`, () => {
    const error = noValidHost({ ...search, ...found })
    assert.ok(error instanceof AppError)
    assert.deepEqual([error.message, (error.cause as Error).message, error.details], [`${opening} ${owner}`, operators, {}])
  })
}
