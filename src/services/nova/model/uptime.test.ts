// The line of `uptime`, as the openstack client takes it apart.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { uptimeLine } from './uptime.ts'

const asClientsReadIt = /^\s*(.+)\sup\s+(.+),\s+(.+)\susers?,\s+load average:\s(.+)$/

for (const [seconds, up] of [[59, '0 min'], [3540, '59 min'], [3660, '1:01'], [90_000, '1 day,  1:00'], [864_060, '10 days, 1 min']] as const) {
  test(`after ${seconds} seconds a host is up ${up}`, () => {
    const line = uptimeLine({ upSeconds: seconds, load: [0.5, 1, 12.345] }, new Date('2026-11-28T09:08:07Z'))
    assert.deepEqual(asClientsReadIt.exec(line)?.slice(1), ['09:08:07', up, '0', '0.50, 1.00, 12.35'])
  })
}
