// One history: a plan played out on a cloud, brought to rest, and looked at.
import { join } from 'node:path'
import { Chaos } from './chaos.ts'
import { SimulatedCloud } from './cloud.ts'
import { type Actor, intents } from './intents/index.ts'
import { endedSteps, journalOf, kindsOf, violations } from './invariants.ts'
import { Ledger } from './ledger.ts'
import { Links } from './links.ts'
import { loginsAreRight, triesOf } from './logins.ts'
import { Person } from './person.ts'
import { busyMs, type ActorPlan, type Plan } from './plan.ts'
import { Dice } from './random.ts'
import { rowsOf, type Say } from './rows.ts'
import { openOperations } from './rows-invariants.ts'
import { scenarios } from './scenarios.ts'
import { Storage } from './storage.ts'
import type { Story } from './storyteller.ts'
import type { Template } from './template.ts'
import { World } from './world.ts'

export interface Outcome {
  /** What is wrong at its end; nothing when all is well. */
  readonly violations: readonly string[]
  /** The same for the same plan. */
  readonly hash: string
  readonly history: readonly string[]
  readonly log: readonly string[]
  /** The operations that are open, or of what is wrong, with their steps. */
  readonly journal: readonly string[]
  /** The kinds of the operations in it. */
  readonly operations: ReadonlySet<string>
  /** The steps of its operations that ended when nothing could go wrong any more: nobody died in them. */
  readonly spared: readonly string[]
  readonly happened: number
  readonly points: number
  readonly virtualMs: number
}

export interface PlayOptions {
  readonly template: Template
  /** Where its files may lie while it lasts. */
  readonly directory: string
  /** Keep what the roles log. */
  readonly listen?: boolean
  /** The stories that plans may name; those of scenarios.ts when absent. */
  readonly stories?: Readonly<Record<string, Story>>
  /** Called when everything has come to rest, before it is looked at. */
  readonly atRest?: (storage: Storage, ledger: Ledger) => Promise<void>
}

/** Longer than any deadline and any lease of the cloud. */
const restMs = 2 * 3600_000
const quietMs = 45_000
/** What a story began is over by then, though one of its roles died. */
const storyMs = 20 * 60_000

let number = 0

export async function play(plan: Plan, options: PlayOptions): Promise<Outcome> {
  const world = new World(plan.seed)
  const chaos = new Chaos(plan, world.dice('chaos'), world.dice('repeats'))
  const storage = new Storage(world, join(options.directory, `history-${process.pid}-${++number}`))
  const log: string[] = []
  const wrong: string[] = []
  const ledger = new Ledger()
  try {
    storage.copyFrom(options.template.storage)
    const cloud = new SimulatedCloud({ world, storage, links: new Links(world, () => chaos.links), fate: chaos, config: auditing(plan.audits), ...(options.listen && { heard: (line) => void log.push(line) }) })
    await cloud.load()
    chaos.strikes(cloud)
    void cloud.start()
    // The first start is not disturbed: what a start must bear is tried by the restarts.
    chaos.suspended = true
    if (!(await world.run(() => cloud.isWhole, 120_000))) wrong.push('the cloud did not start')
    chaos.suspended = false
    strike(plan, world, chaos, cloud)
    const began = world.now
    const stage = { chaos, cloud, world, ledger, options, wrong }
    const busy = plan.scenario === undefined ? Promise.allSettled(plan.actors.map((actor) => live(actor, stage))) : tell(plan.scenario, stage)
    let over = false
    busy.then(() => (over = true), (error: unknown) => {
      wrong.push(`the story broke off: ${(error as Error).stack ?? String(error)}`)
      over = true
    })
    await world.run(() => over && (plan.scenario !== undefined || world.now - began >= busyMs), busyMs * 30)
    if (!over) wrong.push('somebody waits for an answer for ever')
    else if (plan.scenario !== undefined) await untilDone(world, storage)
    const rows = rowsOf(storage)
    const struck = await looked(world, endedSteps(rows))
    const points = chaos.passed

    chaos.calm()
    await rest(world, cloud, storage)
    await options.atRest?.(storage, ledger)
    const operations = await kindsOf(rows)
    const spared = [...(await endedSteps(rows))].flatMap(([id, step]) => (struck?.has(id) === true ? [] : [step]))
    const after = await violations({ rows, kept: storage.kept }, ledger, plan.audits)
    wrong.push(...after)
    const tries = await triesOf(rows, ledger)
    await inTheEnd(world, wrong, () => loginsAreRight(cloud.network, tries, (sentence) => void wrong.push(sentence)))
    if (wrong.length === 0) await inTheEnd(world, wrong, () => alive(cloud, world, options, (sentence) => void wrong.push(sentence)))
    cloud.end()
    const journal = wrong.length === 0 ? [] : await journalOf(rows, wrong.join(' '))
    for (const sentence of wrong) world.note(`violated: ${sentence}`)
    return { violations: wrong, hash: world.hash(), history: world.history, log, journal, operations, spared, happened: world.happened, points, virtualMs: world.now - began }
  } finally {
    await storage.close()
    storage.remove()
  }
}

/** The auditors' rounds are quick, or do not come. */
function auditing(audits: boolean): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const settings = audits ? { audit_interval: 12, audit_grace: 3 } : { audit_interval: 10_000_000 }
  return Object.fromEntries(['glance', 'neutron', 'cinder', 'nova'].map((service) => [service, settings]))
}

function strike(plan: Plan, world: World, chaos: Chaos, cloud: SimulatedCloud): void {
  for (const blow of plan.blows) {
    world.schedule(blow.atMs, `blow ${blow.kind}`, () => {
      if (blow.kind === 'hold-up') return cloud.holdUp(blow.role, blow.forMs, blow.replaced)
      if (blow.kind !== 'move-clock') return chaos.arm(blow)
      world.note(`the clocks are moved by ${Math.round(blow.byMs)} ms`)
      world.skewMilliseconds += blow.byMs
    })
  }
}

interface Stage {
  readonly chaos: Chaos
  readonly cloud: SimulatedCloud
  readonly world: World
  readonly ledger: Ledger
  readonly options: PlayOptions
  readonly wrong: string[]
}

async function live(plan: ActorPlan, { cloud, world, ledger, options: { template }, wrong }: Stage): Promise<void> {
  const pause = (milliseconds: number) => new Promise<void>((resolve) => void world.schedule(milliseconds, `${plan.name} waits`, resolve))
  let person: Person | undefined
  let administrator: Person | undefined
  const admin = async () => (administrator ??= await Person.logIn(cloud.network, 'admin', 'admin', 'admin-secret', `${plan.name} as admin`))
  for (const intent of plan.intents) {
    await pause(intent.pauseMs)
    try {
      person ??= await Person.logIn(cloud.network, plan.project, plan.project, `${plan.project}-secret`, plan.name)
    } catch {
      continue
    }
    const actor: Actor = { person, admin, project: plan.project, dice: new Dice(intent.seed), ledger, template, violated: (what) => void wrong.push(what) }
    world.note(`${plan.name} wants to ${intent.name}`)
    try {
      await intents[intent.name]?.[1](actor)
    } catch (error) {
      // An administrator could not log in now.
      if ((error as Error).message.includes('could not log in')) continue
      wrong.push(`${intent.name}: ${(error as Error).stack ?? String(error)}`)
    }
  }
}

async function tell(name: string, { chaos, cloud, world, ledger, options: { template, stories = scenarios }, wrong }: Stage): Promise<void> {
  const story = stories[name]
  if (!story) throw new Error(`there is no story ${name}`)
  const pause = (milliseconds: number) => new Promise<void>((resolve) => void world.schedule(milliseconds, 'the teller waits', resolve))
  let person: Person | undefined
  for (let tries = 0; !person && tries < 100; tries++) {
    person = await Person.logIn(cloud.network, 'demo', 'demo', 'demo-secret', 'teller').catch(() => undefined)
    await pause(200)
  }
  if (!person) throw new Error('keystone did not come back')
  await story({
    person, admin: () => Person.logIn(cloud.network, 'admin', 'admin', 'admin-secret', 'teller as admin'), pause, project: 'demo', dice: world.dice('teller'), ledger, template, violated: (what) => void wrong.push(what),
    refuses: (effect, times, code = 'engine.failed') => chaos.refuse(effect, times, code),
    silence: (role, milliseconds) => cloud.holdUp(role, milliseconds, false),
    async until(look) {
      for (let tries = 0; tries < 100; tries++) {
        if (await look()) return
        await pause(tries < 10 ? 50 : 1000)
      }
    },
  })
}

/** What is seen of the rows while the cloud lives; nothing when they are not to be had. */
async function looked<T>(world: World, look: Promise<T>): Promise<T | undefined> {
  let seen: T | undefined
  void look.then((found) => (seen = found))
  await world.run(() => seen !== undefined, 1000)
  return seen
}

/** Until what was begun is over, and what follows from that: all of it can be struck. */
async function untilDone(world: World, storage: Storage): Promise<void> {
  const end = world.now + storyMs
  for (let calm = 0; calm < 2 && world.now < end; ) {
    const open = await looked(world, openOperations(rowsOf(storage)))
    calm = open?.length === 0 ? calm + 1 : 0
    await world.run(() => false, 500)
  }
}

/** Until nothing is under way any more; then a while longer, for what looks again from time to time. */
async function rest(world: World, cloud: SimulatedCloud, storage: Storage): Promise<void> {
  const end = world.now + restMs
  let calmSince: number | undefined
  while (world.now < end) {
    await world.run(() => false, 5000)
    const open = await looked(world, openOperations(rowsOf(storage)))
    if (open?.length !== 0 || !cloud.isWhole) calmSince = undefined
    else calmSince ??= world.now
    if (calmSince !== undefined && world.now - calmSince >= quietMs) return
  }
}

/** What is tried of the cloud at rest; nothing goes wrong on the way any more. */
async function inTheEnd(world: World, wrong: string[], work: () => Promise<void>): Promise<void> {
  let over = false
  work().catch((error: unknown) => void wrong.push(`at the end: ${(error as Error).message}`)).finally(() => (over = true))
  if (!(await world.run(() => over, 300_000))) wrong.push('at the end nobody answered')
}

/** The cloud still does its work. */
async function alive(cloud: SimulatedCloud, world: World, { template }: PlayOptions, say: Say): Promise<void> {
  const pause = (milliseconds: number) => new Promise<void>((resolve) => void world.schedule(milliseconds, 'the last one waits', resolve))
  const person = await Person.logIn(cloud.network, 'admin', 'admin', 'admin-secret', 'the last one')
  const made = await person.call('nova', 'POST', '/v2.1/servers', { server: { name: 'last', flavorRef: '1', imageRef: template.imageId, networks: 'none' } }, { 'openstack-api-version': 'compute 2.37' })
  if (made.status !== 202) return say(`at the end a server was refused: ${made.status} ${JSON.stringify(made.body)}`)
  for (let tries = 0; tries < 60; tries++) {
    await pause(1000)
    const { body } = await person.call('nova', 'GET', `/v2.1/servers/${made.body.server.id}`)
    if (body?.server?.status === 'ACTIVE') return
    if (body?.server?.status === 'ERROR') return say(`at the end a server failed: ${body.server.fault?.message}`)
  }
  say('at the end a server was not active within a minute')
}
