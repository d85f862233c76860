// The line to one running guest: its QMP monitor, its process's identity, and what it says on its own.
import { readFile } from 'node:fs/promises'
import { connectWhenUp, QmpLost, QmpRefused, type QmpClient, type QmpEvent } from '#core/drivers'
import type { Clock } from '#core/context'
import type { ProcessIdentity } from '#core/process'
import type { PowerState } from '../interface.ts'

export interface GuestMonitorOptions {
  readonly serverId: string
  readonly socketPath: string
  readonly identity: ProcessIdentity
  readonly clock: Clock
  readonly onEvent: (event: QmpEvent) => void
  readonly onClose: () => void
}

export class GuestMonitor {
  readonly identity: ProcessIdentity
  /** Set before we end the process ourselves, so that its end is no news. */
  leaving = false
  readonly #clock: Clock
  readonly #qmp: QmpClient

  private constructor(options: GuestMonitorOptions, qmp: QmpClient) {
    this.identity = options.identity
    this.#clock = options.clock
    this.#qmp = qmp
  }

  /** @throws QmpLost; also when the process that answers is another guest than was asked for */
  static async connect(options: GuestMonitorOptions, withinSeconds: number, signal?: AbortSignal): Promise<GuestMonitor> {
    const { socketPath, clock, onEvent, onClose } = options
    const stillStarting = async () => {
      if (!await isAlive(options.identity)) throw new QmpLost('The process ended while it started.')
    }
    const qmp = await connectWhenUp({ socketPath, clock, onEvent, onClose }, withinSeconds, { ...(signal && { signal }), between: stillStarting })
    const { UUID } = await qmp.execute('query-uuid') as { UUID: string }
    if (UUID !== options.serverId) {
      qmp.close()
      throw new QmpLost(`The guest at ${socketPath} is ${UUID}, not ${options.serverId}.`)
    }
    return new GuestMonitor(options, qmp)
  }

  get isOpen(): boolean {
    return this.#qmp.isOpen
  }

  execute(command: string, args?: object, timeoutSeconds?: number): Promise<unknown> {
    return this.#qmp.execute(command, args, timeoutSeconds)
  }

  waitFor(wants: (event: QmpEvent) => boolean, timeoutSeconds: number): Promise<QmpEvent> {
    return this.#qmp.waitFor(wants, timeoutSeconds)
  }

  /** Like `execute`; a refusal with one of these words counts as done: the thing was there, or gone, already. */
  async ensure(command: string, args: object, done: RegExp): Promise<void> {
    try {
      await this.#qmp.execute(command, args)
    } catch (error) {
      if (!(error instanceof QmpRefused) || !(done.test(error.message) || done.test(error.errorClass))) throw error
    }
  }

  async powerState(): Promise<PowerState> {
    const { status } = await this.#qmp.execute('query-status') as { status: string }
    switch (status) {
      case 'running': return 'running'
      case 'shutdown': return 'shutdown'
      case 'guest-panicked': case 'internal-error': return 'crashed'
      default: return 'paused'
    }
  }

  /** QEMU has stopped it, since a disk of it could not be written for want of room. */
  async isStarved(): Promise<boolean> {
    return (await this.#qmp.execute('query-status') as { status: string }).status === 'io-error'
  }

  /** Ids of the devices that were given one: disks and NICs. */
  async deviceIds(): Promise<string[]> {
    const devices = await this.#qmp.execute('qom-list', { path: '/machine/peripheral' }) as { name: string; type: string }[]
    return devices.filter((device) => device.type.startsWith('child<')).map((device) => device.name)
  }

  /** End the process and wait until it is gone. Answers whether it went. */
  async quit(withinSeconds: number): Promise<boolean> {
    this.leaving = true
    await this.#qmp.execute('quit', undefined, 2).catch(() => undefined)
    return untilGone(this.identity, this.#clock, withinSeconds)
  }

  close(): void {
    this.leaving = true
    this.#qmp.close()
  }
}

/** Field 22 of /proc/PID/stat tells whether the pid is still the same process; a zombie is gone. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const stat = await readFile(`/proc/${identity.pid}/stat`, 'latin1').catch(() => undefined)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields !== undefined && fields[0] !== 'Z' && fields[0] !== 'X' && fields[19] === identity.startTime
}

export async function untilGone(identity: ProcessIdentity, clock: Clock, withinSeconds: number): Promise<boolean> {
  const end = clock.monotonic() + withinSeconds * 1000
  while (await isAlive(identity)) {
    if (clock.monotonic() >= end) return false
    await clock.sleep(10)
  }
  return true
}
