// Cinder's roles, put together from what the runtime gives.
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { servePrograms } from '#core/audit'
import { explain } from '#core/events'
import { createOperations } from '#core/operations'
import { compilePolicy } from '#core/policy'
import { rpcClient } from '#core/rpc'
import { ownContext, type Role, type Runtime } from '#core/service'
import { rollCall, schedulerRpc, serviceEvents, volumeRpc } from '#contract/cinder'
import { volumeApi } from './api/index.ts'
import { cinderPolicy } from './api/policy.ts'
import { cinderOptions } from './config.ts'
import { cinderChanges } from './db/changes.ts'
import { cinderMigrations } from './db/migrations/index.ts'
import { registerService } from './db/services.ts'
import type { CinderTables } from './db/tables.ts'
import { ensureDefaultType } from './db/volume-types.ts'
import type { Cinder } from './domain/cinder.ts'
import type { FakeVolumeWorld } from './drivers/fake/index.ts'
import { loadVolumeDriver, type VolumeDriver } from './drivers/index.ts'
import { ServiceView } from './domain/service-view.ts'
import { operations as definitions } from './domain/operations.ts'
import { beginWhenAble } from './workers/begin-when-able.ts'
import { imageFetcher } from './workers/fetch-image.ts'
import { scratchInMemory, scratchOnDisk } from './workers/scratch.ts'
import { startSchedulerRole } from './workers/scheduler-role.ts'
import { reconcile, remind, startVolumeRole } from './workers/volume-role.ts'

const open = (runtime: Runtime) => runtime.database<CinderTables>('cinder', cinderMigrations, cinderChanges)

export async function startApi(runtime: Runtime): Promise<Role> {
  const database = await open(runtime)
  const settings = runtime.config(cinderOptions)
  const operations = createOperations<Cinder>({ database, definitions, capabilities: runtime, owner: `${runtime.host}/cinder-api` })
  const alive = new ServiceView()
  const cinder: Cinder = {
    clock: runtime.clock, random: runtime.random, ids: runtime.ids, log: runtime.log, database, operations, settings, alive,
    policy: compilePolicy(cinderPolicy), bus: runtime.bus, trace: runtime.trace, credentials: runtime.credentials, services: runtime.services,
    scheduler: rpcClient(runtime.bus, runtime, schedulerRpc), volumes: rpcClient(runtime.bus, runtime, volumeRpc), startedAt: runtime.clock.monotonic(),
  }
  await database.transaction((tx) => ensureDefaultType(tx, runtime.ids.uuid(), runtime.clock.now().toISOString()))
  const hearing = runtime.bus.serve(serviceEvents, runtime.host, { async report(_ctx, report) { alive.hear(report) } })
  await rpcClient(runtime.bus, runtime, rollCall).everyone().reportNow(ownContext(runtime, 'cinder'), {})
  const working = operations.work(cinder)
  const explained = explain(volumeApi(cinder, runtime), runtime, { databases: [database], creates: database })
  return {
    transport: explained.transport,
    stop() {
      explained.stop()
      working.stop()
      hearing.close()
    },
  }
}

/** A role's row among the services; its id stays the same over restarts. */
async function register(runtime: Runtime, binary: string, host: string): Promise<string> {
  const database = await open(runtime)
  return database.transaction((tx) => registerService(tx, {
    uuid: runtime.ids.uuid(), binary, host, availability_zone: runtime.config(cinderOptions).storage_availability_zone, created_at: runtime.clock.now().toISOString(),
  }))
}

export async function startScheduler(runtime: Runtime): Promise<Role> {
  const database = await open(runtime)
  await register(runtime, 'cinder-scheduler', runtime.host)
  return startSchedulerRole({
    clock: runtime.clock, random: runtime.random, ids: runtime.ids, log: runtime.log, bus: runtime.bus, trace: runtime.trace, host: runtime.host,
    database, settings: runtime.config(cinderOptions), alive: new ServiceView(), promised: new Map(), startedAt: runtime.clock.monotonic(),
    stopping: new AbortController(),
  })
}

/** The fake backends of this process, by data directory: volumes in memory outlive the role, as files do. */
const fakeWorlds = new Map<string, FakeVolumeWorld>()

/** Where a test plays what happens to a backend. */
export function fakeVolumeWorld(dataDirectory: string): FakeVolumeWorld | undefined {
  return fakeWorlds.get(dataDirectory)
}

/** The configured storage, or the one that fits the cloud. @throws Error where `file` lacks the rights that it needs */
async function openDriver(runtime: Runtime): Promise<VolumeDriver> {
  const { volume_driver: configured } = runtime.config(cinderOptions)
  const name = configured === '' ? (runtime.driver === 'real' ? 'file' : 'fake') : configured
  if (name === 'fake') {
    const { stage } = runtime
    if (stage) {
      const { FakeVolumeWorld: World } = await import('./drivers/fake/index.ts')
      return loadVolumeDriver('fake', {
        capabilities: runtime, world: stage.kept(`cinder ${runtime.host}`, () => new World()), totalGiB: 10_000,
        before: (method) => stage.before(`cinder ${method}`), again: (method) => stage.again(`cinder ${method}`), after: (method) => stage.after(`cinder ${method}`),
      })
    }
    let world = fakeWorlds.get(runtime.dataDirectory)
    if (!world) fakeWorlds.set(runtime.dataDirectory, (world = new (await import('./drivers/fake/index.ts')).FakeVolumeWorld()))
    return loadVolumeDriver('fake', { capabilities: runtime, world, totalGiB: 10_000_000 })
  }
  if (name !== 'file') throw new Error(`[cinder] volume_driver: there is no driver ${name}; choose file or fake`)
  if (!runtime.privileged) throw new Error('[cinder] volume_driver: file needs root; without it only fake can run')
  return loadVolumeDriver('file', {
    directory: join(runtime.dataDirectory, 'cinder', 'volumes'), capabilities: runtime, runner: runtime.processes, privileged: runtime.privileged,
  })
}

export async function startVolume(runtime: Runtime): Promise<Role> {
  const database = await open(runtime)
  const settings = runtime.config(cinderOptions)
  // QEMU's user passes through on its way to the volumes; what else lies here has rights of its own.
  const directory = join(runtime.dataDirectory, 'cinder')
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o711)
  const driver = await openDriver(runtime)
  const backendName = settings.volume_backend_name === '' ? driver.name : settings.volume_backend_name
  const backend = `${runtime.host}@${backendName}`
  const serviceId = await register(runtime, 'cinder-volume', backend)
  const fetchImage = await imageFetcher({
    ids: runtime.ids, credentials: runtime.credentials, glance: runtime.services.glance, scratch: runtime.stage ? scratchInMemory() : scratchOnDisk(join(directory, 'incoming')),
  })
  const programs = servePrograms(runtime, 'qemu-storage-daemon')
  const role = await beginWhenAble({
    clock: runtime.clock, log: runtime.log, backend, giveUp: () => driver.close(),
    async begin(call) {
      await driver.open(call)
      if (driver.name === 'fake' && !runtime.stage) await remind({ database, driver, backend, log: runtime.log })
      await reconcile({ database, driver, log: runtime.log })
      return startVolumeRole({
        clock: runtime.clock, random: runtime.random, ids: runtime.ids, log: runtime.log, bus: runtime.bus, trace: runtime.trace,
        database, settings, driver, backend, backendName, serviceId, fetchImage,
      })
    },
  })
  return {
    async stop() {
      programs.close()
      await role.stop()
    },
  }
}
