// Clouds that are older than rules that mean the same: what their groups hold is compared as what they are given.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { neutronMigrations } from './migrations/index.ts'
import type { NeutronTables, SecurityGroupRuleRow } from './tables.ts'

const standard = { project_id: 'p', description: '', revision_number: 1, created_at: '', updated_at: '' }

function rule(id: string, groupId: string, prefix: string | null, ethertype = 'IPv4'): SecurityGroupRuleRow {
  return {
    ...standard, id, security_group_id: groupId, direction: 'ingress', ethertype, protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_ip_prefix: prefix, remote_group_id: null,
    fingerprint: `ingress|${ethertype}|tcp|22|22|${prefix ?? ''}|`,
  }
}

test('a rule for all addresses that was there before is known again when it is asked for without them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-neutron-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const open = async (count: number) => {
    const database = await openDatabase<NeutronTables>({ name: 'neutron', file: join(folder, 'neutron.db'), migrations: neutronMigrations.slice(0, count), clock: systemClock, log: silentLog })
    t.after(() => database.close())
    return database
  }
  const before = await open(neutronMigrations.findIndex(({ name }) => name === '003-alike-rules'))
  await before.transaction(async (tx) => {
    await tx.insertInto('security_groups').values(['a', 'b'].map((id) => ({ ...standard, id, name: id, stateful: 1, default_of: null }))).execute()
    await tx.insertInto('security_group_rules').values([
      rule('everywhere', 'a', '0.0.0.0/0'), rule('everywhere6', 'a', '::/0', 'IPv6'), rule('some', 'a', '10.0.0.0/8'), rule('unsaid', 'b', null), rule('said', 'b', '0.0.0.0/0'),
    ]).execute()
  })
  await before.close()

  const after = await open(neutronMigrations.length)
  const rows = await after.read.selectFrom('security_group_rules').select(['id', 'fingerprint']).orderBy('id').execute()
  assert.deepEqual(Object.fromEntries(rows.map(({ id, fingerprint }) => [id, fingerprint])), {
    everywhere: 'ingress|IPv4|tcp|22|22||', everywhere6: 'ingress|IPv6|tcp|22|22||', said: 'ingress|IPv4|tcp|22|22|0.0.0.0/0|', some: 'ingress|IPv4|tcp|22|22|10.0.0.0/8|',
    unsaid: 'ingress|IPv4|tcp|22|22||',
  })
})
