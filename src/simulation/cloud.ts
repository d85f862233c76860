// The whole cloud inside the simulation: every role of every service, each with lives of its own, on two hosts.
import type { Capabilities } from '#core/context'
import type { Logger } from '#core/observe'
import { createProcessRunner } from '#core/process'
import type { Role, Runtime, Service, ServiceName } from '#core/service'
import type { Recorder } from '#core/trace'
import type { CloudOptions } from '../app/cloud-options.ts'
import { createRuntime, serviceTargets } from '../app/runtime.ts'
import { services as loaders } from '../app/services.ts'
import { defaultPorts, type Settings } from '../app/settings.ts'
import { SimulatedBus } from './bus.ts'
import { type Fate, Incarnation } from './incarnation.ts'
import type { Links } from './links.ts'
import { SimulatedNetwork } from './network.ts'
import { idsFrom } from './random.ts'
import type { Storage } from './storage.ts'
import type { World } from './world.ts'

interface Part {
  readonly key: string
  readonly service: Service
  readonly role: string
  readonly host: string
  lives: number
  incarnation: Incarnation | undefined
  running: Role | undefined
  runtime: Runtime | undefined
}

/** On the second host, which only serves guests and volumes. */
const onEveryHost = new Set(['nova/compute', 'neutron/l2-agent', 'neutron/dhcp-agent', 'neutron/l3-agent', 'neutron/metadata-agent', 'cinder/volume'])
export const hosts = ['host-1', 'host-2'] as const
/** Where the tunnels between the hosts end. */
export const tunnelAddresses: Readonly<Record<string, string>> = { 'host-1': '192.0.2.1', 'host-2': '192.0.2.2' }

/** Times are not recorded in a simulation: what happened is its history. */
const noRecorder: Recorder = {
  begin() {}, record() {}, end() {}, traces: async () => [], find: async () => undefined, spans: async () => [], flush: async () => {},
}

export interface SimulatedCloudOptions {
  readonly world: World
  readonly storage: Storage
  readonly links: Links
  readonly fate: Fate
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Called with each line of warning or worse. */
  readonly heard?: (line: string) => void
}

export const secrets = {
  adminPassword: 'admin-secret', demoPassword: 'demo-secret', metadataSecret: 'metadata-secret',
  servicePasswords: Object.fromEntries(['glance', 'placement', 'nova', 'neutron', 'cinder'].map((name) => [name, `${name}-${'s'.repeat(32)}`])),
}

export class SimulatedCloud {
  readonly network: SimulatedNetwork
  readonly #options: SimulatedCloudOptions
  readonly #bus: SimulatedBus
  #parts: Part[] = []
  /** Those held up among them, who were replaced meanwhile. */
  readonly #alive = new Set<Incarnation>()
  /** Counts up when everything is started anew: what a former start still does is void. */
  #generation = 0

  constructor(options: SimulatedCloudOptions) {
    this.#options = options
    this.#bus = new SimulatedBus(options.world, options.links)
    this.network = new SimulatedNetwork(options.world, options.links, (service) => this.#serverOf(service))
  }

  get roles(): readonly string[] {
    return this.#parts.map((part) => part.key)
  }

  /** Whether each role lives and has started. */
  get isWhole(): boolean {
    return this.#parts.every((part) => part.running !== undefined)
  }

  async load(): Promise<void> {
    for (const loader of loaders) {
      const service = await loader.load()
      for (const role of Object.keys(service.roles)) {
        for (const host of hosts) {
          if (host !== hosts[0] && !onEveryHost.has(`${service.name}/${role}`)) continue
          this.#parts.push({ key: `${service.name}/${role}@${host}`, service, role, host, lives: 0, incarnation: undefined, running: undefined, runtime: undefined })
        }
      }
    }
    this.#parts = [...this.#parts.filter(({ host }) => host === hosts[0]), ...this.#parts.filter(({ host }) => host !== hosts[0])]
  }

  /** All roles, one after the other, as a process starts them. @param first prepares each service as the very first start of a cloud does */
  async start(first = false): Promise<void> {
    const generation = ++this.#generation
    for (const part of this.#parts) {
      await this.#revive(part, generation)
      if (generation !== this.#generation) return
      if (first && part.role === 'api' && part.runtime) await loaders.find(({ name }) => name === part.service.name)?.prepare?.(part.runtime, this.#cloudOptions(part.host))
    }
  }

  /** One role dies and comes back after a while. */
  kill(key: string, backAfterMs: number): void {
    const part = this.#parts.find((each) => each.key === key)
    if (!part?.incarnation) return
    this.#end(part)
    const generation = this.#generation
    this.#options.world.schedule(backAfterMs, `${key} comes back`, () => {
      if (generation === this.#generation && !part.incarnation) void this.#revive(part, generation)
    })
  }

  /** Nothing reaches a role for a while. @param replaced a new life begins meanwhile: two who believe to be the same */
  holdUp(key: string, forMs: number, replaced: boolean): void {
    const part = this.#parts.find((each) => each.key === key)
    if (!part?.incarnation) return
    part.incarnation.pause(forMs)
    if (!replaced) return
    part.incarnation = undefined
    part.running = undefined
    void this.#revive(part, this.#generation)
  }

  /** The whole process dies, and is started again after a while. */
  killAll(backAfterMs: number): void {
    this.#generation++
    const generation = this.#generation
    this.#options.world.note('the process is killed')
    this.#endAll()
    this.#options.world.schedule(backAfterMs, 'the process starts', () => {
      if (generation === this.#generation) void this.start()
    })
  }

  /** For good. */
  end(): void {
    this.#generation++
    this.#endAll()
  }

  #endAll(): void {
    for (const part of this.#parts) this.#end(part)
    for (const incarnation of [...this.#alive]) incarnation.kill()
  }

  #end(part: Part): void {
    const { incarnation } = part
    part.incarnation = undefined
    part.running = undefined
    incarnation?.kill()
  }

  #serverOf(service: ServiceName) {
    const part = this.#parts.find((each) => each.service.name === service && each.role === 'api' && each.running?.transport && each.incarnation)
    return part?.incarnation && part.running?.transport ? { incarnation: part.incarnation, transport: part.running.transport } : undefined
  }

  async #revive(part: Part, generation: number): Promise<void> {
    const { world, storage, fate } = this.#options
    const incarnation = new Incarnation(world, part.key, ++part.lives, fate)
    part.incarnation = incarnation
    this.#alive.add(incarnation)
    incarnation.atEnd(() => this.#alive.delete(incarnation))
    world.note(`${incarnation.name} starts`)
    const dead = new Promise<'dead'>((resolve) => void incarnation.atEnd(() => resolve('dead')))
    const capabilities: Capabilities = {
      clock: incarnation.clock, random: incarnation.dice, ids: idsFrom(world.dice(`${incarnation.name} ids`)), log: this.#logOf(incarnation),
    }
    const runtime = createRuntime(part.service.name, this.#cloudOptions(part.host), {
      capabilities, bus: this.#bus.of(incarnation, capabilities), trace: noRecorder, stage: storage.stageFor(incarnation),
      services: serviceTargets(this.#settings(part.host), (service) => this.network.fromRole(incarnation, service)),
      database: (name, migrations, changes) => storage.openFor(incarnation, name, migrations, changes),
    })
    const begin = part.service.roles[part.role]
    if (!begin) throw new Error(`there is no role ${part.key}`)
    part.runtime = runtime
    try {
      const started = await Promise.race([begin(runtime), dead])
      if (started === 'dead') return
      if (part.incarnation === incarnation) part.running = started
    } catch (error) {
      world.note(`${incarnation.name} could not start: ${(error as Error).message}`)
      if (part.incarnation !== incarnation) return incarnation.kill()
      this.#end(part)
      await new Promise<void>((resolve) => void world.schedule(1000, `${part.key} tries again`, resolve))
      if (generation === this.#generation && !part.incarnation) await this.#revive(part, generation)
    }
  }

  #settings(host: string): Settings {
    return {
      prefix: 'nbsim', driver: 'fake', address: '127.0.0.1', publicCidr: '203.0.113.0/24', link: { host: '198.18.0.1', fabric: '198.18.0.2' }, host, region: 'RegionOne', ports: defaultPorts,
    }
  }

  #cloudOptions(host: string): CloudOptions {
    const { storage, config } = this.#options
    return {
      dataDirectory: storage.directory, settings: this.#settings(host), secrets, processes: createProcessRunner(), checkReplies: true,
      capabilities: { clock: undefined as never, random: undefined as never, ids: undefined as never, log: undefined as never },
      config: { ...config, keystone: { password_hash_rounds: 4, ...config?.['keystone'] }, neutron: { local_ip: tunnelAddresses[host] ?? '', ...config?.['neutron'] } },
    }
  }

  #logOf(incarnation: Incarnation): Logger {
    const { world, heard } = this.#options
    const line = (level: string) => (fields: object, message: string) => {
      if (!heard || !incarnation.isAlive) return
      const { err, ...rest } = fields as { err?: Error }
      heard(`${(world.now / 1000).toFixed(3)} ${level} ${incarnation.name}: ${message} ${JSON.stringify(rest)}${err ? ` ${err.stack ?? err.message}` : ''}`)
    }
    const log: Logger = { debug() {}, info() {}, warn: line('warn'), error: line('error'), child: () => log }
    return log
  }
}

/** Each role with its host, in the order in which they start. */
export async function roleNames(): Promise<readonly string[]> {
  const names: string[] = []
  for (const host of hosts) {
    for (const loader of loaders) {
      for (const role of Object.keys((await loader.load()).roles)) if (host === hosts[0] || onEveryHost.has(`${loader.name}/${role}`)) names.push(`${loader.name}/${role}@${host}`)
    }
  }
  return names
}
