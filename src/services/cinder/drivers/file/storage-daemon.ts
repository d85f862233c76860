// The one qemu-storage-daemon of this host: started when the first volume is exported, found again after our restart,
// and started anew with all exports when it died. Guests wait for it meanwhile (reconnect-delay).
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { connectWhenUp, QmpLost, QmpRefused, type QmpClient } from '#core/drivers'
import type { CallContext, Clock } from '#core/context'
import { CommandFailed, type Privileged } from '#core/process'
import { BackendUnavailable } from '../interface.ts'

/** Which volumes should be exported, by volume id. */
export type Exports = Readonly<Record<string, { readonly readOnly: boolean }>>

export interface StorageDaemonOptions {
  readonly directory: string
  readonly privileged: Privileged
  readonly clock: Clock
  readonly volumePath: (volumeId: string) => string
  /** The daemon ended without being told to. */
  readonly onLost: () => void
}

const kind = 'qemu-storage-daemon'
const daemonId = 'volumes'
const secondsToStart = 15

const nodeName = (volumeId: string) => `vol-${volumeId.replaceAll('-', '').slice(0, 26)}`
const exportId = (volumeId: string) => `export-${volumeId}`

export class StorageDaemon {
  readonly #options: StorageDaemonOptions
  #qmp: QmpClient | undefined
  #leaving = false

  constructor(options: StorageDaemonOptions) {
    this.#options = options
  }

  get socketPath(): string {
    return join(this.#options.directory, 'run', 'nbd')
  }

  async recorded(): Promise<Exports> {
    const text = await readFile(this.#recordPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}'
      throw error
    })
    return JSON.parse(text) as Exports
  }

  async record(exports: Exports): Promise<void> {
    const file = await open(`${this.#recordPath}.new`, 'w', 0o600)
    try {
      await file.writeFile(JSON.stringify(exports))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${this.#recordPath}.new`, this.#recordPath)
  }

  /**
   * Make the daemon serve exactly these. Without any, a daemon is not started for it. One volume that cannot be served does
   * not keep the others away.
   *
   * @throws BackendUnavailable when the daemon does not work, or refuses the volume that `asked` names
   */
  async serve(call: CallContext, wanted: Exports, asked?: string): Promise<void> {
    const running = this.#qmp?.isOpen === true || (await this.#options.privileged.daemons(kind)).has(daemonId)
    if (!running && Object.keys(wanted).length === 0) return
    try {
      // One that ends while it is told gets a successor, which is told all.
      await this.#tell(call, wanted, asked).catch((error: unknown) => {
        if (!(error instanceof QmpLost) && !(error instanceof CommandFailed)) throw error
        return this.#tell(call, wanted, asked)
      })
    } catch (error) {
      if (error instanceof QmpLost || error instanceof CommandFailed || error instanceof QmpRefused) {
        throw new BackendUnavailable('The storage daemon of this host does not do what it is told.', { reason: error.message }, error)
      }
      throw error
    }
  }

  async #tell(call: CallContext, wanted: Exports, asked: string | undefined): Promise<void> {
    const qmp = await this.#connected(call)
    const served = await this.#served(qmp)
    for (const id of served) {
      const volumeId = id.slice('export-'.length)
      if (wanted[volumeId] === undefined) await this.#withdraw(qmp, volumeId)
    }
    let refused: QmpRefused | undefined
    for (const [volumeId, { readOnly }] of Object.entries(wanted)) {
      if (served.has(exportId(volumeId))) continue
      await this.#offer(qmp, volumeId, readOnly).catch((error: unknown) => {
        if (!(error instanceof QmpRefused)) throw error
        call.log.error({ volumeId, reason: error.message }, 'a volume cannot be exported')
        if (volumeId === asked) refused = error
      })
    }
    if (refused !== undefined) throw refused
  }

  /** Volumes that the daemon serves now; none when it does not run or does not answer. */
  async served(): Promise<string[]> {
    const qmp = this.#qmp
    if (qmp?.isOpen !== true) return []
    return [...await this.#served(qmp)].map((id) => id.slice('export-'.length)).sort()
  }

  /** Let go of the daemon; it goes on. */
  close(): void {
    this.#leaving = true
    this.#qmp?.close()
    this.#qmp = undefined
  }

  /** End a daemon that serves nothing. */
  async stop(): Promise<void> {
    this.#leaving = true
    await this.#qmp?.execute('quit').catch(() => undefined)
    this.#qmp?.close()
    this.#qmp = undefined
    const end = this.#options.clock.monotonic() + 3000
    while ((await this.#options.privileged.daemons(kind)).has(daemonId)) {
      if (this.#options.clock.monotonic() > end) await this.#options.privileged.signalDaemon(kind, daemonId, 'SIGKILL')
      await this.#options.clock.sleep(20)
    }
    this.#leaving = false
  }

  get #recordPath(): string {
    return join(this.#options.directory, 'exports.json')
  }

  async #connected(call: CallContext): Promise<QmpClient> {
    if (this.#qmp?.isOpen === true) return this.#qmp
    const { directory, privileged, clock } = this.#options
    const run = join(directory, 'run')
    await mkdir(run, { recursive: true })
    await chmod(run, 0o770).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPERM') throw error // given away already
    })
    await privileged.giveToQemu(run)
    const escaped = (name: string) => join(run, name).replaceAll(',', ',,')
    await privileged.startDaemon({
      kind, id: daemonId, outputFile: join(directory, 'storage-daemon.log'),
      args: [
        '--chardev', `socket,id=monitor,path=${escaped('qmp')},server=on,wait=off`, '--monitor', 'chardev=monitor,mode=control',
        '--chardev', `socket,id=spare,path=${escaped('qmp2')},server=on,wait=off`, '--monitor', 'chardev=spare,mode=control',
        '--nbd-server', `addr.type=unix,addr.path=${escaped('nbd')}`, '--pidfile', join(run, 'pid'),
      ],
    })
    const client: QmpClient = await connectWhenUp({
      socketPath: join(run, 'qmp'), clock, timeoutSeconds: 20,
      onClose: () => {
        if (this.#qmp !== client) return
        this.#qmp = undefined
        if (!this.#leaving) this.#options.onLost()
      },
    }, secondsToStart, {
      signal: call.signal,
      between: async () => {
        if (!(await privileged.daemons(kind)).has(daemonId)) throw new QmpLost('The storage daemon ended while it started.')
      },
    })
    this.#leaving = false
    this.#qmp = client
    return client
  }

  async #served(qmp: QmpClient): Promise<Set<string>> {
    const exports = await qmp.execute('query-block-exports') as { id: string; 'shutting-down': boolean }[]
    return new Set(exports.filter((each) => !each['shutting-down']).map((each) => each.id).filter((id) => id.startsWith('export-')))
  }

  async #offer(qmp: QmpClient, volumeId: string, readOnly: boolean): Promise<void> {
    const node = nodeName(volumeId)
    await tolerate(/duplicate/i, qmp.execute('blockdev-add', {
      driver: 'qcow2', 'node-name': node, 'read-only': readOnly, discard: 'unmap',
      file: { driver: 'file', filename: this.#options.volumePath(volumeId), discard: 'unmap' },
    }))
    await tolerate(/already exists|duplicate/i, qmp.execute('block-export-add', {
      type: 'nbd', id: exportId(volumeId), 'node-name': node, name: volumeId, writable: !readOnly,
    }))
  }

  async #withdraw(qmp: QmpClient, volumeId: string): Promise<void> {
    const id = exportId(volumeId)
    const deleted = qmp.waitFor((event) => event.event === 'BLOCK_EXPORT_DELETED' && event.data['id'] === id, 10).catch(() => undefined)
    await tolerate(/not found|not find/i, qmp.execute('block-export-del', { id, mode: 'hard' }))
    if ((await qmp.execute('query-block-exports') as { id: string }[]).some((each) => each.id === id)) await deleted
    await tolerate(/not find|not found|failed to find/i, qmp.execute('blockdev-del', { 'node-name': nodeName(volumeId) }))
  }
}

async function tolerate(done: RegExp, request: Promise<unknown>): Promise<void> {
  try {
    await request
  } catch (error) {
    if (!(error instanceof QmpRefused) || !done.test(error.message)) throw error
  }
}
