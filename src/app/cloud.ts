// Composes the roles of a cloud in one process: the same for `nimbo run` and for tests, with and without sockets.
import { join } from 'node:path'
import { createCredentials, type Credentials, networkTransport, type ServiceTarget, tokenVerifier } from '#core/client'
import { type Change, type Database, type Migration, openDatabase } from '#core/db'
import { ServiceUnavailable } from '#core/errors'
import { listen, type Listening, type Transport } from '#core/http'
import { type Bus, createLocalBus } from '#core/rpc'
import type { Capabilities } from '#core/context'
import type { Role, Runtime, Service, ServiceName } from '#core/service'
import { createRecorder, type Recorder, traceMigrations, type TraceTables } from '#core/trace'
import type { CloudOptions } from './cloud-options.ts'
import { type Ports, publicUrl } from './settings.ts'
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

interface Api {
  readonly prefix: string
  readonly versionType?: string
}

const apis: Readonly<Record<ServiceName, Api>> = {
  keystone: { prefix: '/v3' },
  glance: { prefix: '/v2' },
  placement: { prefix: '', versionType: 'placement' },
  nova: { prefix: '/v2.1', versionType: 'compute' },
  neutron: { prefix: '/v2.0' },
  cinder: { prefix: '/v3', versionType: 'volume' },
  nimbo: { prefix: '/v1' },
}

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
      databases.set(name, (opened = openDatabase({ name, file, migrations, changes, clock: capabilities.clock, log: capabilities.log, ...(options.synchronous && { synchronous: options.synchronous }) })))
    }
    return opened as Promise<Database<T>>
  }

  const targets = Object.fromEntries((Object.keys(apis) as ServiceName[]).map((name) => [name, {
    name, origin: publicUrl(settings, name), ...apis[name],
    transport: (request) => {
      const transport = transports.get(name)
      if (!transport) throw new ServiceUnavailable(`The ${name} service does not run.`)
      return (overNetwork(name) ?? transport)(request)
    },
  } satisfies ServiceTarget])) as Record<ServiceName, ServiceTarget>

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

  const runtimeOf = (name: ServiceName): Runtime => {
    const credentials: Credentials = createCredentials({
      keystone: targets.keystone, userName: name, password: options.secrets.servicePasswords[name] ?? '', capabilities,
    })
    const log = capabilities.log.child({ service: name })
    return {
      ...capabilities, log, bus, trace, services: targets, credentials, database,
      host: settings.host, region: settings.region, dataDirectory: options.dataDirectory, authUrl: `${publicUrl(settings, 'keystone')}/v3`,
      authenticate: tokenVerifier({ keystone: targets.keystone, credentials, bus, host: settings.host, capabilities: { ...capabilities, log } }),
      processes: options.processes, ...(options.privileged && { privileged: options.privileged }), ...(options.machine && { machine: options.machine }),
      config: (section) => ({
        ...Object.fromEntries(Object.entries(section.options).map(([key, option]) => [key, option.default])),
        ...options.config?.[section.name], ...shared(section.name),
      }) as never,
      driver: settings.driver, fabric: `${settings.prefix}-fabric`, checkReplies: options.checkReplies === true,
    }
  }

  /** What several services must agree on. */
  const shared = (section: string): Record<string, unknown> => {
    if (section === 'nova') return { metadata_proxy_shared_secret: options.secrets.metadataSecret }
    if (section === 'neutron') return { metadata_proxy_shared_secret: options.secrets.metadataSecret, public_cidr: settings.publicCidr, nova_metadata_url: publicUrl(settings, 'metadata') }
    return {}
  }

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
