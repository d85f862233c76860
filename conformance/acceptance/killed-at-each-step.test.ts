// The control plane dies by SIGKILL at each journalled step of a server's boot and of its deletion, on the real engines with a network and a new volume; so do
// QEMU, dnsmasq, the storage daemon and the privileged helper where they have something to do. Then the server is ACTIVE, in ERROR with a reason, off where its
// guest was killed, or gone; rows and reality agree without the auditors' help; and when it is deleted, nothing of it is left. A sample of the places is tried
// always; KILL_POINTS=all tries each, KILL_POINTS=spawn,unwire those whose name has such a word in it. KILL_REPORT=FILE has a table written that says what happened.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { RestError } from '../../src/app/rest.ts'
import { asDemo, auditorsAtRest, nothingToRepair, untilWhole } from './as-demo.ts'
import { write } from './by-hand.ts'
import { armKill, databaseOf, gone, type KillPoint, type Moment, type Victim } from './kill-points.ts'
import { helperOf, hostState, processesOf } from './host-state.ts'
import { canRunReal, eventually, prepareRealCloud, type RealCloud } from './real-cloud.ts'
import { found, openOperations, promised, query, surroundings } from './rows-and-reality.ts'

const always: readonly Moment[] = ['started', 'finished']
const whenLong: readonly Moment[] = ['started', 'midway', 'finished']
const points = (operation: string, steps: Readonly<Record<string, readonly Moment[]>>): KillPoint[] =>
  Object.entries(steps).flatMap(([step, moments]) => moments.map((moment) => ({ victim: 'control plane', operation, step, moment })))
const of = (victim: Victim, ...places: readonly string[]): KillPoint[] => places.map((place) => {
  const [operation = '', step = '', moment] = place.split(' ')
  return { victim, operation, step, moment: moment as Moment }
})

const ofBoot = [
  ...points('server.build', {
    schedule: whenLong, 'create-in-cell': always, claim: always, 'create-volumes': whenLong, 'create-ports': whenLong, 'prepare-image': whenLong, 'connect-volumes': whenLong,
    'await-ports': always, spawn: whenLong, publish: always,
  }),
  ...points('volume.create', { 'choose-backend': always, allocate: whenLong, publish: always }),
  ...points('port.wire', { bind: always, wire: whenLong, announce: always }),
  ...points('attachment.connect', { export: whenLong, publish: always }),
  ...of('QEMU', 'server.build spawn started', 'server.build publish started'),
  ...of('dnsmasq', 'port.wire wire started', 'port.wire wire midway', 'server.build spawn started'),
  ...of('storage daemon', 'attachment.connect export started', 'attachment.connect export midway', 'attachment.connect publish started', 'server.build spawn started'),
  ...of('helper', 'volume.create allocate midway', 'port.wire wire started', 'port.wire wire midway', 'attachment.connect export midway', 'server.build spawn started', 'server.build spawn midway'),
]
const ofDeletion = [
  ...points('server.delete', {
    'stop-other-work': always, 'destroy-guest': whenLong, 'release-volumes': whenLong, 'release-ports': always, 'release-allocation': always, 'remove-rows': always, forget: always,
  }),
  ...points('attachment.disconnect', { settle: always, unexport: whenLong, forget: always }),
  ...points('volume.delete', { settle: always, free: whenLong, forget: always }),
  ...points('port.unwire', { settle: always, unwire: whenLong }),
  // A boot has none: the wiring of its port brings the groups along.
  ...points('security-group.sync', { push: whenLong }),
  ...of('QEMU', 'server.delete stop-other-work started', 'server.delete destroy-guest started'),
  ...of('dnsmasq', 'port.unwire unwire started', 'port.unwire unwire midway'),
  ...of('storage daemon', 'server.delete destroy-guest started', 'attachment.disconnect unexport started'),
  ...of('helper', 'server.delete destroy-guest started', 'server.delete destroy-guest midway', 'attachment.disconnect unexport midway', 'volume.delete free midway', 'port.unwire unwire midway'),
]
/** The places where most has happened that the journal does not say yet, one for each operation; and some of those where another program dies. */
const sample = [
  'server.build create-in-cell finished', 'server.build spawn midway', 'server.build spawn finished', 'volume.create allocate finished', 'port.wire wire midway',
  'attachment.connect export finished', 'server.delete destroy-guest finished', 'server.delete release-volumes midway', 'server.delete remove-rows finished',
  'attachment.disconnect unexport finished', 'volume.delete free finished', 'port.unwire unwire finished',
  'storage daemon: attachment.connect export started', 'helper: server.build spawn midway', 'QEMU: server.delete destroy-guest started', 'helper: port.unwire unwire midway',
]

const nameOf = ({ victim, operation, step, moment }: KillPoint) => `${victim === 'control plane' ? '' : `${victim}: `}${operation} ${step} ${moment}`
const endsControlPlane = ({ victim }: KillPoint) => victim === 'control plane' || victim === 'helper'
const words = process.env['KILL_POINTS']?.split(',') ?? []
const wanted = (point: KillPoint) => words.includes('all') || (words.length > 0 ? words.some((word) => nameOf(point).includes(word)) : sample.includes(nameOf(point)))

interface Told {
  readonly point: string
  readonly left: string
  readonly server: string
  /** Absent where the control plane lived on. */
  readonly upSeconds: number | undefined
  readonly wholeSeconds: number
}

interface Killed {
  readonly at: number
  readonly answered: boolean
  readonly needsUp: boolean
  readonly tale: Pick<Told, 'point' | 'left'>
}

test('killed at whatever step of a boot or a deletion, the cloud is whole again after `up`', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(13)
  t.after(() => cloud.remove())
  writeFileSync(join(cloud.directory, 'nimbo.toml'), auditorsAtRest)
  await cloud.nimbo('up')
  const play = await prepare(cloud)
  const boots = ofBoot.filter((each) => wanted(each))
  const deletions = ofDeletion.filter((each) => wanted(each))
  const told: Told[] = []
  for (let turn = 0; turn < Math.max(boots.length, deletions.length); turn++) {
    const [boot, deletion] = [boots[turn], deletions[turn]]
    const name = `killed-${turn}`
    let booted = false
    await t.test(boot ? `boot, killed at ${nameOf(boot)}` : `boot ${name}`, async () => {
      const tale = await play.boot(name, boot)
      if (tale) told.push(tale)
      booted = true
    })
    await t.test(deletion ? `deletion, killed at ${nameOf(deletion)}` : `deletion of ${name}`, { skip: booted ? false : 'its boot went wrong' }, async () => {
      const tale = await play.remove(name, deletion)
      if (tale) told.push(tale)
    })
    report(told)
    if (!booted) break
  }
  await cloud.nimbo('down')
  assert.deepEqual(processesOf(cloud.directory), [])
  // Other clouds may come and go beside it.
  const { prefix } = JSON.parse(readFileSync(join(cloud.directory, 'cloud.json'), 'utf8')) as { prefix: string }
  const { links, namespaces, routes, rules } = hostState()
  assert.deepEqual([...links, ...namespaces, ...routes, ...rules.split('\n')].filter((line) => line.includes(prefix)), [])
})

async function prepare(cloud: RealCloud) {
  const { directory } = cloud
  const { session, serverNamed, create, withVolume } = await asDemo(cloud)

  const boot = async (name: string, point?: KillPoint): Promise<Told | undefined> => {
    const killed = point && await kill(point, () => create(name, withVolume))
    if (!point) await create(name, withVolume)
    const whole = await becomesWhole(killed)
    const server = await serverNamed(name)
    if (!server) assert.ok(killed && !killed.answered, 'only a request without an answer may have made nothing')
    else if (server.status === 'ERROR') {
      assert.ok(String(server.fault?.message ?? '').length > 10, 'a fault that its owner understands')
      assert.ok(point?.victim === 'QEMU', `what was killed beside its guest does not fail a build: ${server.fault.message}`)
    } else assert.ok(server.status === 'ACTIVE' || (point?.victim === 'QEMU' && server.status === 'SHUTOFF'), server.status)
    await nothingToRepair(cloud)
    return killed && { ...killed.tale, ...whole, server: server ? server.status === 'ERROR' ? `ERROR: ${server.fault.message}` : server.status : 'never made, and never answered' }
  }

  const remove = async (name: string, point?: KillPoint): Promise<Told | undefined> => {
    const server = await serverNamed(name)
    if (!server && !point) return undefined
    if (point && server?.status !== 'ACTIVE') {
      // What a build has given back cannot be deleted any more.
      if (server) await remove(name)
      await boot(name)
      return remove(name, point)
    }
    const ask = () => session.send('nova', 'DELETE', `/v2.1/servers/${server.id}`)
    const killed = point && await kill(point, ask)
    if (!point) await ask()
    const whole = await becomesWhole(killed)
    if (await serverNamed(name)) {
      assert.ok(killed && !killed.answered, 'only a request without an answer may have deleted nothing')
      await ask()
      await becomesWhole()
      assert.equal(await serverNamed(name), undefined)
    }
    await nothingToRepair(cloud)
    assert.deepEqual(surroundings(directory), empty)
    assert.deepEqual(await found(directory), bare)
    return killed && { ...killed.tale, ...whole, server: 'gone' }
  }

  async function kill(point: KillPoint, ask: () => Promise<unknown>): Promise<Killed> {
    const pid = controlPlane(cloud)
    const { fired } = await armKill(directory, point.victim === 'helper' ? helperOf(pid) : pid, point, usual(point))
    const answer = ask().then(() => true, (error: unknown) => {
      if (error instanceof RestError) throw error
      return false
    })
    await fired
    const at = performance.now()
    const needsUp = endsControlPlane(point)
    if (needsUp) await gone(pid)
    const answered = await answer
    const open = openOperations(directory)
    if (point.moment === 'finished') assert.ok(open.some((each) => each === `${point.operation} running (${point.step} run started)`), open.join(', '))
    return { at, answered, needsUp, tale: { point: nameOf(point), left: [...await leftOver(), ...open.map((each) => `\`${each}\``)].join(', ') } }
  }

  /** What there is beyond the empty cloud, told in words. */
  async function leftOver(): Promise<string[]> {
    const kinds = [...new Set((await found(directory)).filter((line) => !bare.includes(line)).map((line) => line.split(' ')[0] ?? ''))]
    return kinds
  }

  /** Start it again where it has ended, and wait until nothing is open and all agrees. */
  async function becomesWhole(killed?: Killed): Promise<Pick<Told, 'upSeconds' | 'wholeSeconds'>> {
    const start = killed && !killed.needsUp ? killed.at : performance.now()
    if (killed?.needsUp) await cloud.nimbo('up')
    const up = performance.now()
    await untilWhole(cloud)
    return { upSeconds: killed?.needsUp ? (up - start) / 1000 : undefined, wholeSeconds: (performance.now() - start) / 1000 }
  }

  /** How long a step took in the boot and the deletion that nobody disturbed. */
  const usual = ({ operation, step }: KillPoint): number => {
    const [times] = query<{ started_at: string; ended_at: string }>(directory, databaseOf(operation), `
      select started_at, ended_at from operation_steps s join operations o on o.id = s.operation_id where kind = ? and step = ? and s.status = 'done' and phase = 'run' order by started_at limit 1`, operation, step)
    assert.ok(times, `${operation} ${step} is a step`)
    return Date.parse(times.ended_at) - Date.parse(times.started_at)
  }

  // Nobody disturbs the first one: it fills the cache of images, and tells how long each step takes.
  let [empty, bare]: [string[], string[]] = [[], []]
  await create('first', withVolume)
  await becomesWhole()
  const { id } = await eventually('the server is ACTIVE', 60, async () => {
    const server = await serverNamed('first')
    return server?.status === 'ACTIVE' && server
  })
  await spoiltRowsAreTold(cloud, id)
  await session.send('nova', 'DELETE', `/v2.1/servers/${id}`)
  await becomesWhole()
  ;[empty, bare] = [surroundings(directory), await found(directory)]
  assert.deepEqual(bare, promised(directory))
  await nothingToRepair(cloud)
  return { boot, remove }
}

/** Where all is as it should be but for one row, that is told: of what is there too, only not so. */
async function spoiltRowsAreTold(cloud: RealCloud, server: string): Promise<void> {
  const spoilt = async (database: string, change: string, back: string, told: RegExp) => {
    const file = join(cloud.directory, 'data', 'db', `${database}.db`)
    write(file, change, server)
    await assert.rejects(untilWhole(cloud, 1), told)
    write(file, back, server)
    await untilWhole(cloud)
  }
  const room = (used: string) => `update allocations set used = ${used} where resource_class = 'VCPU' and consumer_uuid = ?`
  await spoilt('placement', room('used + 1'), room('used - 1'), new RegExp(`server ${server} is to hold .*, 1 VCPU on .*, and holds .*, 2 VCPU on `))
  const end = (time: string, place: string) => `update instance_actions set finish_time = ${time} where ${place} and instance_uuid = ?`
  await spoilt('nova_cell1', end('null', 'finish_time is not null'), end('start_time', 'finish_time is null'), new RegExp(`the action create of server ${server} never ends`))
}

function controlPlane(cloud: RealCloud): number {
  return (JSON.parse(readFileSync(join(cloud.directory, 'data', 'run', 'state.json'), 'utf8')) as { pid: number }).pid
}

function report(told: readonly Told[]): void {
  const file = process.env['KILL_REPORT']
  if (file === undefined) return
  const row = ({ point, left, server, upSeconds, wholeSeconds }: Told) => `| ${point} | ${left || 'nothing'} | ${server} | ${upSeconds?.toFixed(1) ?? '–'} | ${wholeSeconds.toFixed(1)} |`
  writeFileSync(file, `${['| killed at | left right after | the server | `up` took (s) | whole after (s) |', '|---|---|---|---|---|', ...told.map(row)].join('\n')}\n`)
}
