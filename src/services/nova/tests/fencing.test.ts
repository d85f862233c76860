// A conductor that was paused, and wakes after another one has taken over its work, does no harm: its host refuses what it says.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createCredentials } from '#core/client'
import { type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { createProcessRunner } from '#core/process'
import { type Bus, rpcClient } from '#core/rpc'
import type { Runtime } from '#core/service'
import { novaPolicy } from '../api/policy.ts'
import { novaOptions } from '../config.ts'
import { computeRpc } from '../contract/compute-rpc.ts'
import { openDatabases } from '../db/open.ts'
import { createNova } from '../domain/nova.ts'
import { operationDefinitions } from '../domain/operations.ts'
import { type Bench, boot, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'

const contextOfTest: RequestContext = {
  requestId: 'req-test', identity: { userId: 'u', userName: 'u', userDomainId: '', userDomainName: '', roles: [] }, signal: new AbortController().signal, log: silentLog,
}

interface Said {
  readonly method: string
  readonly epoch: number
  /** The code of the error that came back; absent for an answer. */
  readonly refused?: string
}

interface Paused {
  readonly id: string
  /** What the paused conductor said to hosts. */
  readonly said: readonly Said[]
  /** It goes on where it stood. */
  wake(): void
  journal(): Promise<unknown>
  build(): Promise<{ id: string; status: string; epoch: number }>
  /** Its lease runs out. */
  expire(): Promise<void>
}

/** A second conductor of the same cloud takes a build over, does it up to its last step before the spawn, and is paused there. */
async function pausedBeforeSpawn(t: TestContext, bench: Bench): Promise<Paused> {
  const paused = await pausedAfter(t, bench, 'awaitPorts')
  // The step's end is written before the next one begins.
  await until('it stands before the spawn', async () => ((await paused.journal()) as { step: string }[]).at(-1)?.step === 'spawn')
  return paused
}

/** It is paused once the host has done this. @param unheard before it hears of it @param from during this call of the hypervisor it takes over */
async function pausedAfter(t: TestContext, { cloud, demo, playground, ...rest }: Bench, command: string, { unheard = false, from = 'prepareImage' } = {}): Promise<Paused> {
  const held = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  playground.before = async (method) => {
    if (method !== from) return
    reached.resolve()
    await held.promise
  }
  const id = await boot({ cloud, demo, playground, ...rest })
  await reached.promise

  const databases = await openDatabases({
    database: (name, migrations, changes) => openDatabase({ name, migrations, ...(changes && { changes }), file: join(cloud.dataDirectory, 'db', `${name}.db`), clock: systemClock, log: silentLog }),
  })
  const said: Said[] = []
  const gate = Promise.withResolvers<void>()
  let paused = false
  const bus: Bus = {
    ...cloud.bus,
    async send(topic, host, message, everyone) {
      const sent = await cloud.bus.send(topic, host, message, everyone)
      const { operation } = JSON.parse(message.args) as { operation?: { epoch: number } }
      if (topic === 'nova-compute' && operation) {
        void sent.answer.then((answer) => {
          said.push({ method: message.method, epoch: operation.epoch, ...('error' in answer && { refused: answer.error.code }) })
          paused ||= message.method === command
        })
      }
      return unheard && message.method === command ? { ...sent, answer: sent.answer.then((answer) => gate.promise.then(() => answer)) } : sent
    },
  }
  // Ahead of the first conductor by more than a lease: to this one it has run out.
  const clock = { ...systemClock, now: () => new Date(Date.now() + 40_000), turn: async () => (paused ? gate.promise : systemClock.turn()) }
  const capabilities = { clock, ids: systemIds, random: systemRandom, log: silentLog }
  const runtime: Runtime = {
    ...capabilities, bus, trace: cloud.trace, services: cloud.services, host: 'host-2', region: 'RegionOne', dataDirectory: cloud.dataDirectory, authUrl: '',
    credentials: createCredentials({ keystone: cloud.services.keystone, userName: 'nova', password: `nova-${'s'.repeat(32)}`, capabilities: { ...capabilities, clock: systemClock } }),
    authenticate: async () => assert.fail('it answers no requests'), processes: createProcessRunner(), database: async () => assert.fail('it has its databases'),
    config: (section) => Object.fromEntries(Object.entries(section.options).map(([key, option]) => [key, option.default])) as never,
    driver: 'fake', fabric: '', checkReplies: false,
  }
  const nova = createNova(runtime, runtime.config(novaOptions), novaPolicy(), databases, operationDefinitions, 'nova-conductor')
  const worker = nova.operations.api.work(nova)
  t.after(async () => {
    worker.stop()
    gate.resolve()
    for (const database of [databases.api, ...Object.values(databases.cells)]) await database.close()
  })

  const build = () => databases.api.read.selectFrom('operations').select(['id', 'status', 'epoch']).where('resource_id', '=', id).where('kind', '=', 'server.build').executeTakeFirstOrThrow()
  await until('the second conductor has the build', async () => (await build()).epoch === 2)
  held.resolve()
  await until('it is paused', async () => paused)
  return {
    id, said, build,
    wake: () => {
      paused = false
      gate.resolve()
    },
    journal: async () => nova.operations.api.journal((await build()).id),
    async expire() {
      await databases.api.transaction((tx) => tx.updateTable('operations').set({ lease_until: '2000-01-01T00:00:00.000Z' }).where('resource_id', '=', id).where('epoch', '=', 2).execute())
      await nova.conductor.everyone().operationsChanged(contextOfTest, { database: 'api', cancelled: [] })
    },
  }
}

const spawns = (said: readonly Said[]) => said.filter(({ method }) => method === 'spawn')

test('its late spawn is refused while its successor is just starting the guest: one guest is started, once', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const paused = await pausedBeforeSpawn(t, bench)
  const starting = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  let started = 0
  playground.before = async (method) => {
    if (method !== 'spawn') return
    started++
    starting.resolve()
    await go.promise
  }
  await paused.expire()
  await starting.promise
  const before = await paused.journal()
  paused.wake()
  await until('the late one has spoken', async () => spawns(paused.said).length > 0)
  assert.deepEqual(spawns(paused.said), [{ method: 'spawn', epoch: 2, refused: 'nova.stale_epoch' }])
  assert.deepEqual(await paused.journal(), before)
  go.resolve()
  await untilStatus(demo, paused.id, 'ACTIVE')
  assert.deepEqual([started, playground.world?.guests.size, { ...await paused.build(), id: '' }], [1, 1, { id: '', status: 'done', epoch: 3 }])
})

test('its late spawn is refused when the server is long built and gone: no guest comes back, nothing is left', async (t) => {
  const bench = await startBench(t)
  const { admin, demo, playground } = bench
  const paused = await pausedBeforeSpawn(t, bench)
  playground.before = () => undefined
  await paused.expire()
  await untilStatus(demo, paused.id, 'ACTIVE')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${paused.id}`), 204)
  await untilGone(demo, paused.id)
  paused.wake()
  await until('the late one has spoken', async () => spawns(paused.said).length > 0)
  assert.deepEqual(spawns(paused.said), [{ method: 'spawn', epoch: 2, refused: 'nova.stale_epoch' }])
  await systemClock.sleep(100)
  assert.equal(playground.world?.guests.size, 0)
  assert.deepEqual(must(await admin.call('neutron', 'GET', `/v2.0/ports?device_id=${paused.id}`), 200).ports, [])
  assert.deepEqual(must(await admin.call('placement', 'GET', `/allocations/${paused.id}`), 200).allocations, {})
  assert.deepEqual(must(await demo.call('nova', 'GET', '/v2.1/servers'), 200).servers, [])
})

test('what it still writes of the ports that were made is refused when the server is long built: an interface that was detached stays detached', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const paused = await pausedAfter(t, bench, 'createPorts', { unheard: true, from: 'resources' })
  playground.before = () => undefined
  await paused.expire()
  await untilStatus(demo, paused.id, 'ACTIVE')
  const interfaces = async () => must(await demo.call('nova', 'GET', `/v2.1/servers/${paused.id}/os-interface`), 200).interfaceAttachments as { port_id: string }[]
  const [made] = await interfaces()
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${paused.id}/os-interface/${made?.port_id}`), 202)
  const addresses = async () => (await show(demo, paused.id)).addresses
  await until('it is detached', async () => JSON.stringify(await addresses()) === '{}')
  paused.wake()
  await systemClock.sleep(300)
  assert.deepEqual([await interfaces(), await addresses(), playground.world?.guests.get(paused.id)?.spec.ports], [[], {}, []])
})

test('its late word to stop what the host does leaves its successor’s guest to start', async (t) => {
  const bench = await startBench(t)
  const { cloud, demo, playground } = bench
  const paused = await pausedBeforeSpawn(t, bench)
  const starting = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  playground.before = async (method) => {
    if (method !== 'spawn') return
    starting.resolve()
    await go.promise
  }
  await paused.expire()
  await starting.promise
  const { id: operationId } = await paused.build()
  const compute = rpcClient(cloud.bus, { clock: systemClock, ids: systemIds, random: systemRandom, log: silentLog }, computeRpc).on('host-1')
  await compute.abandon(contextOfTest, { operationId, epoch: 2 })
  go.resolve()
  await untilStatus(demo, paused.id, 'ACTIVE')
})
