// Composes the roles of a cloud in one process: the same for `nimbo run` and for tests, with and without sockets.
import { join } from 'node:path'
import { networkTransport, type ServiceTarget } from '#core/client'
import { type Change, type Database, type Migration, openDatabase } from '#core/db'
import { ServiceUnavailable } from '#core/errors'
import { listen, type Listening, type Transport } from '#core/http'
import { type Bus, createLocalBus } from '#core/rpc'
import type { Capabilities } from '#core/context'
import type { Role, Runtime, Service, ServiceName } from '#core/service'
import { createRecorder, type Recorder, traceMigrations, type TraceTables } from '#core/trace'
import type { CloudOptions } from './cloud-options.ts'
import { createRuntime, serviceTargets } from './runtime.ts'
import type { Ports } from './settings.ts'
import { services } from './services.ts'

export interface Cloud {
  readonly services: Readonly<Record<ServiceName, ServiceTarget>>
  readonly trace: Recorder
  readonly bus: Bus
  /** The listening ports, when sockets were asked for. */
  readonly ports: Partial<Record<keyof Ports, number>>
  stop(): Promise<void>
}

type RoleStart = readonly [string, Service['roles'][string]]

/** @throws when a port is taken or a database cannot be opened; what had been started is stopped again */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { settings, capabilities } = options
  const bus = createLocalBus(capabilities)
  const databases = new Map<string, Promise<Database<unknown>>>()
  const roles: Role[] = []
  /** Roles that start while later services do. */
  const starting: Promise<void>[] = []
  const sockets: Listening[] = []
  const ports: Partial<Record<keyof Ports, number>> = {}
  const transports = new Map<string, Transport>()

  const database = <T>(name: string, migrations: readonly Migration[], changes: readonly Change[] = []): Promise<Database<T>> => {
    let opened = databases.get(name)
    if (!opened) {
      const file = options.dataDirectory === ':memory:' ? ':memory:' : join(options.dataDirectory, 'db', `${name}.db`)
      const where = options.database ?? { file, ...(options.synchronous && { synchronous: options.synchronous }) }
      databases.set(name, (opened = openDatabase({ name, ...where, migrations, changes, clock: capabilities.clock, log: capabilities.log })))
    }
    return opened as Promise<Database<T>>
  }

  const targets = serviceTargets(settings, (name) => {
    const transport = transports.get(name)
    if (!transport) throw new ServiceUnavailable(`The ${name} service does not run.`)
    return overNetwork(name) ?? transport
  })

  const remote = new Map<string, Transport>()
  const overNetwork = (name: ServiceName): Transport | undefined => {
    const port = ports[name]
    if (!options.overNetwork || port === undefined) return undefined
    let transport = remote.get(name)
    if (!transport) remote.set(name, (transport = networkTransport(`http://${settings.address}:${port}`)))
    return transport
  }

  const stop = async () => {
    await Promise.allSettled(starting)
    for (const socket of sockets.splice(0)) await socket.close()
    for (const role of roles.splice(0).reverse()) await role.stop()
    await trace.flush()
    for (const opened of databases.values()) await (await opened).close()
  }

  const trace = createRecorder(await database<TraceTables>('trace', traceMigrations), capabilities)

  const runtimeOf = (name: ServiceName): Runtime => createRuntime(name, options, { capabilities, bus, trace, services: targets, database })

  /** @returns whether it answers HTTP */
  const startRole = async (service: Service, runtime: Runtime, [name, start]: RoleStart): Promise<boolean> => {
    const role = await start(runtime)
    roles.push(role)
    if (!role.transport) return false
    const port: keyof Ports = name === 'metadata' ? 'metadata' : service.name
    if (name !== 'metadata') transports.set(service.name, role.transport)
    if (options.sockets) {
      for (const each of port === 'keystone' ? (['keystone', 'keystoneAdmin'] as const) : [port]) {
        const socket = await listen(role.transport, { host: settings.address, port: settings.ports[each] })
        sockets.push(socket)
        ports[each] = socket.port
      }
    }
    return true
  }

  /** In their order; resolves when the API answers, which is what the next service may need. What comes after it goes on by itself. */
  const startService = async (service: Service): Promise<void> => {
    const runtime = runtimeOf(service.name)
    const waiting = Object.entries(service.roles)
    for (let next = waiting.shift(); next; next = waiting.shift()) if (await startRole(service, runtime, next)) break
    const rest = (async () => {
      for (const next of waiting) await startRole(service, runtime, next)
    })()
    rest.catch(() => undefined)
    starting.push(rest)
  }

  try {
    for (const load of services) {
      if (options.only && !options.only.includes(load.name)) continue
      options.progress?.(`Starting ${load.name}`)
      await startService(await load.load())
      if (load.name === 'keystone') await load.prepare?.(runtimeOf('keystone'), options)
    }
    options.progress?.('Waiting for the host to report')
    await Promise.all(starting)
    await allReady(roles, capabilities)
  } catch (error) {
    await stop()
    throw error
  }
  return { services: targets, trace, bus, ports, stop }
}

const readySeconds = 60

async function allReady(roles: readonly Role[], { clock }: Capabilities): Promise<void> {
  const abort = new AbortController()
  const late = clock.sleep(readySeconds * 1000, abort.signal).then(() => {
    throw new ServiceUnavailable(`Not every part of the cloud was ready after ${readySeconds} s. The log says what it waits for.`)
  }, () => undefined)
  try {
    await Promise.race([Promise.all(roles.flatMap((role) => role.ready ?? [])), late])
  } finally {
    abort.abort()
  }
}
