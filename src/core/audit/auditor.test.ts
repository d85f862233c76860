// What makes a difference a finding, and what becomes of it.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type Clock, systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { operationMigration } from '#core/operations'
import { ownContext } from '#core/service'
import { silentLog } from '../observe/log.ts'
import { Auditor } from './auditor.ts'
import type { Check, Difference, Kind } from './finding.ts'
import { overdueCheck } from './overdue.ts'
import { endFindings, forgetFindings, seenAgain } from './store.ts'
import { auditMigration } from './tables.ts'

/** A clock whose time passes only while somebody sleeps; what is due later than that never comes. */
function sleepyClock() {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const clock: Clock = {
    ...systemClock, now: () => new Date(now), monotonic: () => now, after: () => ({ cancel() {} }),
    async sleep(milliseconds) {
      now += milliseconds
    },
  }
  return { clock, pass: (seconds: number) => (now += seconds * 1000) }
}

async function lab(t: TestContext, kinds: Record<string, Kind>) {
  const { clock, pass } = sleepyClock()
  const capabilities = { clock, random: systemRandom, ids: systemIds, log: silentLog }
  const database = await openDatabase<any>({ name: 'audited', file: ':memory:', migrations: [operationMigration, auditMigration], clock: systemClock, log: silentLog })
  t.after(() => database.close())
  const world = { differences: [] as Difference[], unseen: [] as string[], broken: false }
  const check: Check = {
    name: 'world', kinds,
    async look() {
      if (world.broken) throw new Error('nobody answers')
      return { differences: [...world.differences], unseen: world.unseen }
    },
  }
  const start = () => new Auditor({ capabilities, database, checks: [check, overdueCheck(clock, [database])], intervalSeconds: 60, graceSeconds: 5, keepEnded: 1000, context: () => ownContext(capabilities, 'test') })
  return { auditor: start(), again: start, world, pass, database, shown: async (auditor: Auditor) => (await auditor.findings(true)).map(({ kind, resource, state, tries, done }) => [kind, resource, state, tries, done]) }
}

const stray = (resource: string, host = 'host-1'): Difference => ({ kind: 'stray', resource, host, message: `${resource} is a stray` })
const report: Kind = { remedy: 'none', advice: 'look after it' }

test('what is there in one look and not in the next is no finding', async (t) => {
  const kinds = {
    stray: report,
    moment: { ...report, remedy: 'by-itself' as const, repair: () => assert.fail('nothing to repair') },
  }
  const { auditor, world } = await lab(t, kinds)
  let looks = 0
  Object.defineProperty(world, 'differences', { get: () => (looks++ === 0 ? [{ kind: 'moment', resource: 'a', message: 'a' }] : []) })
  await auditor.audit()
  assert.equal(looks, 2)
  assert.deepEqual(await auditor.findings(true), [])
})

test('a finding keeps its age over a restart, and goes when reality is right again', async (t) => {
  const { auditor, again, world, pass } = await lab(t, { stray: report })
  world.differences = [stray('a')]
  await auditor.audit()
  const [found] = await auditor.findings(false)
  assert.deepEqual([found?.firstSeen, found?.lastSeen, found?.advice], ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:05.000Z', 'look after it'])
  pass(3600)
  const next = again()
  await next.audit()
  const [later] = await next.findings(false)
  assert.deepEqual([later?.id, later?.firstSeen, later?.lastSeen], [found?.id, found?.firstSeen, '2026-01-01T01:00:05.000Z'])
  world.differences = []
  await next.audit()
  assert.deepEqual([await next.findings(false), (await next.findings(true)).map(({ state }) => state)], [[], ['gone']])
})

test('what was found on a host that does not answer now stands, and so does all when a look fails', async (t) => {
  const { auditor, world } = await lab(t, { stray: report })
  world.differences = [stray('a', 'host-1'), stray('b', 'host-2')]
  await auditor.audit()
  Object.assign(world, { differences: [], unseen: ['host-2'] })
  await auditor.audit()
  assert.deepEqual((await auditor.findings(false)).map(({ resource }) => resource), ['b'])
  world.broken = true
  assert.deepEqual(await auditor.audit(), ['world'])
  assert.deepEqual((await auditor.findings(false)).map(({ resource }) => resource), ['b'])
})

test('what is plainly safe is repaired after one more look; a repair that fails is tried again', async (t) => {
  const repaired: string[] = []
  let refuses = true
  const { auditor, world, shown } = await lab(t, {
    stray: {
      remedy: 'by-itself', advice: '',
      async repair(_ctx, { resource }) {
        if (refuses) throw new Error('the kernel refuses')
        repaired.push(resource)
        world.differences = []
        return 'removed'
      },
    },
  })
  world.differences = [stray('a')]
  await auditor.audit()
  const [first] = await shown(auditor)
  assert.deepEqual(first?.slice(0, 4), ['stray', 'a', 'open', 1])
  assert.match(String(first?.[4]), /^The repair failed: /)
  refuses = false
  await auditor.audit()
  assert.deepEqual([repaired, await shown(auditor)], [['a'], [['stray', 'a', 'repaired', 2, 'removed']]])
})

test('what a person must decide waits until it is asked for', async (t) => {
  const { auditor, world, shown } = await lab(t, {
    stray: { remedy: 'when-asked', advice: '', async repair() { world.differences = []; return 'removed' } },
    lost: report,
  })
  world.differences = [stray('a'), { kind: 'lost', resource: 'b', message: 'b is lost' }]
  await auditor.audit()
  const [a, b] = (await auditor.findings(false)).sort((one, two) => one.resource.localeCompare(two.resource))
  assert.deepEqual([a?.tries, b?.tries], [0, 0])
  await assert.rejects(auditor.repair(b?.id ?? ''), { code: 'conflict', message: /look after it/ })
  assert.equal((await auditor.repair(a?.id ?? '')).state, 'repaired')
  assert.deepEqual((await shown(auditor)).filter(([kind]) => kind === 'stray'), [['stray', 'a', 'repaired', 1, 'removed']])
  await assert.rejects(auditor.repair(a?.id ?? ''), { code: 'not_found' })
})

test('asked to repair what has meanwhile been put right, nothing is done', async (t) => {
  const { auditor, world } = await lab(t, { stray: { remedy: 'when-asked', advice: '', repair: () => assert.fail('nothing to repair') } })
  world.differences = [stray('a')]
  await auditor.audit()
  world.differences = []
  const [found] = await auditor.findings(false)
  assert.equal((await auditor.repair(found?.id ?? '')).state, 'gone')
})

test('an operation that is open long after its deadline is found', async (t) => {
  const { auditor, database, pass } = await lab(t, {})
  await database.transaction((tx) => tx.insertInto('operations').values({
    id: 'op-1', kind: 'volume.create', resource_id: 'v-1', project_id: null, input: '{}', identity: '{}', request_id: 'r', trace_id: null, status: 'undoing', position: 1,
    attempt: 9, epoch: 3, lease_owner: null, lease_until: null, cancel_requested: 0, not_before: null, deadline_at: '2026-01-01T00:01:00.000Z', fault: null,
    created_at: '2026-01-01T00:00:00.000Z', finished_at: null,
  }).execute())
  await auditor.audit()
  assert.deepEqual(await auditor.findings(false), [])
  pass(600)
  await auditor.audit()
  assert.deepEqual((await auditor.findings(false)).map(({ kind, message }) => [kind, message]), [
    ['operation.overdue', 'The operation volume.create of v-1 is undoing and should have ended at 2026-01-01T00:01:00.000Z; nobody holds it.'],
  ])
})

test('things that come and go as their owners like are not remembered without end', async (t) => {
  const { auditor, world, database } = await lab(t, { stray: report })
  const count = async (state: string) => Number((await database.read.selectFrom('audit_findings').select(({ fn }) => fn.countAll().as('all')).where('state', '=', state).executeTakeFirst())?.all)
  world.differences = Array.from({ length: 3000 }, (_each, at) => stray(`flood-${at}`))
  await auditor.audit()
  assert.deepEqual([await count('open'), await count('gone')], [3000, 0])
  world.differences = [stray('a')]
  await auditor.audit()
  assert.deepEqual([await count('open'), await count('gone')], [1, 1000])
})

test('there may be more findings than a statement of the database takes values', async (t) => {
  const { database } = await lab(t, {})
  const ids = Array.from({ length: 70_000 }, (_each, at) => `finding-${at}`)
  for (const change of [seenAgain, endFindings]) await database.transaction((tx) => change(tx, ids, '2026-01-01T00:00:00Z'))
  await database.transaction((tx) => forgetFindings(tx, ids))
})

test('repairs that do not help do not keep others waiting', async (t) => {
  const repaired = new Set<string>()
  const { auditor, world } = await lab(t, {
    stray: {
      remedy: 'by-itself', advice: '',
      async repair(_ctx, { resource }) {
        if (resource.startsWith('again')) throw new Error('it cannot be done')
        repaired.add(resource)
        return 'removed'
      },
    },
  })
  world.differences = [...Array.from({ length: 120 }, (_each, at) => stray(`again-${at}`)), stray('last')]
  for (let round = 0; round < 4; round++) await auditor.audit()
  assert.deepEqual([...repaired], ['last'])
})
