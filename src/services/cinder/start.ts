// Cinder's roles, put together from what the runtime gives.
import { createOperations } from '#core/operations'
import { compilePolicy } from '#core/policy'
import { rpcClient } from '#core/rpc'
import { ownContext, type Role, type Runtime } from '#core/service'
import { rollCall, schedulerRpc, serviceEvents, volumeRpc } from '#contract/cinder'
import { volumeApi } from './api/index.ts'
import { cinderPolicy } from './api/policy.ts'
import { cinderOptions } from './config.ts'
import { cinderMigrations } from './db/migrations/index.ts'
import { registerService } from './db/services.ts'
import type { CinderTables } from './db/tables.ts'
import { ensureDefaultType } from './db/volume-types.ts'
import type { Cinder } from './domain/cinder.ts'
import { ServiceView } from './domain/service-view.ts'
import { operations as definitions } from './domain/operations.ts'
import { memoryDriver } from './workers/memory-driver.ts'
import { startSchedulerRole } from './workers/scheduler-role.ts'
import { reconcile, startVolumeRole } from './workers/volume-role.ts'

const open = (runtime: Runtime) => runtime.database<CinderTables>('cinder', cinderMigrations)

export async function startApi(runtime: Runtime): Promise<Role> {
  const database = await open(runtime)
  const settings = runtime.config(cinderOptions)
  const operations = createOperations<Cinder>({ database, definitions, capabilities: runtime, owner: `${runtime.host}/cinder-api` })
  const alive = new ServiceView()
  const cinder: Cinder = {
    clock: runtime.clock, random: runtime.random, ids: runtime.ids, log: runtime.log, database, operations, settings, alive,
    policy: compilePolicy(cinderPolicy), bus: runtime.bus, trace: runtime.trace, credentials: runtime.credentials, services: runtime.services,
    scheduler: rpcClient(runtime.bus, runtime, schedulerRpc), volumes: rpcClient(runtime.bus, runtime, volumeRpc),
  }
  await database.transaction((tx) => ensureDefaultType(tx, runtime.ids.uuid(), runtime.clock.now().toISOString()))
  const hearing = runtime.bus.serve(serviceEvents, runtime.host, { async report(_ctx, report) { alive.hear(report) } })
  await rpcClient(runtime.bus, runtime, rollCall).everyone().reportNow(ownContext(runtime, 'cinder'), {})
  const working = operations.work(cinder)
  return {
    transport: volumeApi(cinder, runtime),
    stop() {
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
    database, settings: runtime.config(cinderOptions), alive: new ServiceView(), promised: new Map(),
  })
}

export async function startVolume(runtime: Runtime): Promise<Role> {
  const database = await open(runtime)
  const settings = runtime.config(cinderOptions)
  const driver = memoryDriver()
  const backendName = settings.volume_backend_name === '' ? driver.name : settings.volume_backend_name
  const backend = `${runtime.host}@${backendName}`
  const serviceId = await register(runtime, 'cinder-volume', backend)
  await driver.open({ signal: new AbortController().signal, epoch: 0, log: runtime.log })
  await reconcile({ database, driver, log: runtime.log })
  return startVolumeRole({
    clock: runtime.clock, random: runtime.random, ids: runtime.ids, log: runtime.log, bus: runtime.bus, trace: runtime.trace,
    database, settings, driver, backend, backendName, serviceId,
    fetchImage: () => Promise.reject(new Error('images are not joined yet')),
  })
}
