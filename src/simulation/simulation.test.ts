// The simulation itself: the same seed is the same history, and what is broken on purpose is found.
import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { roleNames } from './cloud.ts'
import { play } from './history.ts'
import { noTrouble } from './links.ts'
import { noWorries, type Plan, planOf } from './plan.ts'
import { scenarios } from './scenarios.ts'
import { kindOf, shrink } from './shrink.ts'
import { makeTemplate, scratch, scratchIn } from './template.ts'
import { planFor } from './worker.ts'

const directory = scratch()
const template = await makeTemplate(directory)
const roles = await roleNames()
after(() => rmSync(directory, { recursive: true, force: true }))

test('a seed that is played twice has the same history, and another seed another one', async () => {
  const [first, again, other] = [
    await play(planOf('7', roles), { template, directory }), await play(planOf('7', roles), { template, directory }), await play(planOf('8', roles), { template, directory }),
  ]
  assert.equal(first.hash, again.hash)
  assert.deepEqual(first.history, again.history)
  assert.notEqual(first.hash, other.hash)
})

test('a killed role does nothing any more, and its story goes on with the next one', async () => {
  const outcome = await play({ seed: 'killed', actors: [], blows: [{ kind: 'kill-one', atMs: 0, points: 120, backAfterMs: 500 }], trouble: noWorries, audits: false, scenario: 'boot with everything, then delete' }, { template, directory })
  const death = outcome.history.findIndex((line) => line.endsWith(' is killed'))
  const name = outcome.history[death]?.split(' ')[1] ?? ''
  assert.notEqual(name, '')
  assert.deepEqual(outcome.history.slice(death + 1, -40).filter((line) => line.includes(` ${name} to `) || line.includes(`to ${name}:`)), [])
  assert.deepEqual(outcome.violations, [])
})

test('engines that have each effect twice, and proxies that answer in place of services, leave a cloud that is as people were told', async () => {
  const repeated = await play({ ...planFor({ kind: 'story', scenario: 'boot with everything, then delete' }, roles), trouble: { ...noWorries, engineRepeats: 1 } }, { template, directory })
  assert.deepEqual(repeated.violations, [])
  for (const effect of ['hypervisor spawn', 'cinder create', 'network ensureNetwork']) assert.ok(repeated.history.some((line) => line.endsWith(`has its effect twice: ${effect}`)), effect)
  const proxied = await play({ ...planOf('7', roles), blows: [], trouble: { ...noWorries, links: { ...noTrouble, unavailable: 0.2 } } }, { template, directory })
  assert.deepEqual(proxied.violations, [])
  for (const status of [503, 504]) assert.ok(proxied.history.some((line) => line.includes(`a proxy answers ${status} to `)), String(status))
})

test('what was lost behind the back of the cloud is a violation, and its plan is made shorter', async () => {
  const wishes = ['create a router', 'create a volume', 'create a network', 'boot a server'].map((name, at) => ({ name, seed: String(at), pauseMs: 10 }))
  const plan: Plan = { seed: '3', actors: [{ name: 'a', project: 'demo', intents: wishes }], trouble: noWorries, audits: false, blows: [] }
  const losing = async (candidate: Plan) => (await play(candidate, {
    template, directory,
    async atRest(storage) {
      const cinder = await storage.database('cinder')
      await cinder?.transaction((tx) => tx.deleteFrom('volumes').where('display_name', 'like', 'volume-%').execute())
    },
  })).violations
  const violations = await losing(plan)
  assert.deepEqual(violations.map(kindOf), ['host-N has the storage of volume ID, which is gone', 'volume ID was acknowledged, nobody removed it, and it is gone'])
  const shortest = await shrink(plan, violations, { play: losing, tries: 40 })
  assert.deepEqual(shortest.actors.flatMap((actor) => actor.intents.map(({ name }) => name)), ['create a volume'])
})

test('every operation of every service has a story, in which it is killed at each point', async () => {
  const services = fileURLToPath(new URL('../services/', import.meta.url))
  const declared = globSync('**/*.ts', { cwd: services }).filter((file) => !file.includes('.test.'))
    .flatMap((file) => [...readFileSync(join(services, file), 'utf8').matchAll(/= defineOperation<[^>]*>\('([^']+)'/g)].map(([, kind]) => kind ?? ''))
  assert.ok(declared.length > 20, declared.join(' '))
  const told = new Set<string>()
  for (const scenario of Object.keys(scenarios)) {
    const { operations, spared, violations } = await play(planFor({ kind: 'story', scenario }, roles), { template, directory })
    assert.deepEqual(violations, [], scenario)
    assert.deepEqual(spared, [], scenario)
    for (const kind of operations) told.add(kind)
  }
  assert.deepEqual(declared.filter((kind) => !told.has(kind)), [])
})

test('what a killed simulation left is removed by the next one, and nothing that belongs to a living one or to others', (t) => {
  const place = mkdtempSync(join(tmpdir(), 'nimbo-'))
  t.after(() => rmSync(place, { recursive: true, force: true }))
  const dead = 2 ** 22 + 1 // larger than the largest that the kernel gives
  const kept = [`nimbo-simulation-${process.pid}-a`, 'nimbo-simulation-1-b', 'nimbo-simulation-abcdef', `other-${dead}-c`]
  for (const name of [`nimbo-simulation-${dead}-d`, ...kept]) mkdirSync(join(place, name, 'world'), { recursive: true })
  const made = basename(scratchIn(place))
  assert.deepEqual(new Set(readdirSync(place)), new Set([...kept, made]))
})
