// QMP, the JSON protocol of QEMU and its storage daemon, over a unix socket: commands with ids and deadlines, events.
import { connect, type Socket } from 'node:net'
import type { Clock } from '../context/clock.ts'

export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** The peer understood the command and refused it. */
export class QmpRefused extends Error {
  readonly command: string
  /** QMP's error class, mostly GenericError; DeviceNotFound, CommandNotFound … */
  readonly errorClass: string
  constructor(command: string, errorClass: string, description: string) {
    super(`${command}: ${description}`)
    this.name = 'QmpRefused'
    this.command = command
    this.errorClass = errorClass
  }
}

/** No answer: the socket could not be opened or closed, or the deadline passed. Whether the command ran is unknown. */
export class QmpLost extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'QmpLost'
  }
}

export interface QmpOptions {
  readonly socketPath: string
  readonly clock: Clock
  /** Deadline of a command that names none, and of the greeting. */
  readonly timeoutSeconds?: number
  readonly onEvent?: (event: QmpEvent) => void
  /** Called once when an open connection ends, whoever ended it. */
  readonly onClose?: () => void
}

interface EventWait {
  wants(event: QmpEvent): boolean
  found(event: QmpEvent): void
  lost(error: Error): void
}

interface Waiting {
  readonly command: string
  settle(outcome: { value: unknown } | { error: Error }): void
}

const longestLine = 16 * 1024 * 1024

/** One connection to one monitor. A monitor serves one client at a time: a second one gets no greeting. */
export class QmpClient {
  readonly #options: QmpOptions
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #eventWaits = new Set<EventWait>()
  #nextId = 1
  #open = false
  #unread = ''
  #ended: QmpLost | undefined
  #greeted: ((error?: Error) => void) | undefined

  private constructor(socket: Socket, options: QmpOptions) {
    this.#socket = socket
    this.#options = options
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.#end(new QmpLost(`QMP connection failed: ${error.message}`, { cause: error })))
    socket.on('close', () => this.#end(new QmpLost('The QMP connection was closed.')))
  }

  /** Connect, read the greeting, negotiate. @throws QmpLost */
  static async connect(options: QmpOptions): Promise<QmpClient> {
    // sun_path has 108 bytes; a longer one would be cut silently and name another file.
    if (Buffer.byteLength(options.socketPath) > 107) throw new QmpLost(`The socket path is too long: ${options.socketPath}`)
    const socket = connect(options.socketPath)
    const client = new QmpClient(socket, options)
    try {
      await client.#deadline(options.timeoutSeconds ?? 10, 'greeting', (settle) => {
        client.#greeted = (error) => settle(error === undefined ? { value: undefined } : { error })
      })
      await client.execute('qmp_capabilities')
      client.#open = true
    } catch (error) {
      client.close()
      throw error
    }
    return client
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  /** @throws QmpRefused, QmpLost */
  execute(command: string, args?: object, timeoutSeconds = this.#options.timeoutSeconds ?? 10): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#nextId++
    return this.#deadline(timeoutSeconds, command, (settle) => {
      this.#waiting.set(id, { command, settle })
      this.#socket.write(`${JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }), id })}\n`)
    }).finally(() => this.#waiting.delete(id))
  }

  /** Wait for an event; ask before sending the command that causes it. @throws QmpLost after the deadline */
  waitFor(wants: (event: QmpEvent) => boolean, timeoutSeconds: number): Promise<QmpEvent> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    let wait: EventWait | undefined
    return this.#deadline<QmpEvent>(timeoutSeconds, 'event', (settle) => {
      wait = { wants, found: (event) => settle({ value: event }), lost: (error) => settle({ error }) }
      this.#eventWaits.add(wait)
    }).finally(() => wait !== undefined && this.#eventWaits.delete(wait))
  }

  close(): void {
    this.#end(new QmpLost('The QMP connection was closed by us.'))
  }

  #deadline<T = unknown>(seconds: number, what: string, begin: (settle: Waiting['settle']) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = this.#options.clock.after(seconds * 1000, () => reject(new QmpLost(`No answer to ${what} within ${seconds} s.`)))
      begin((outcome) => {
        timer.cancel()
        if ('error' in outcome) reject(outcome.error)
        else resolve(outcome.value as T)
      })
    })
  }

  #read(text: string): void {
    this.#unread += text
    for (let end = this.#unread.indexOf('\n'); end >= 0; end = this.#unread.indexOf('\n')) {
      const line = this.#unread.slice(0, end).trim()
      this.#unread = this.#unread.slice(end + 1)
      if (line !== '') this.#take(line)
    }
    if (this.#unread.length > longestLine) this.#end(new QmpLost('The QMP peer sent an endless line.'))
  }

  #take(line: string): void {
    let message: Record<string, unknown>
    try {
      message = JSON.parse(line) as Record<string, unknown>
    } catch (cause) {
      return this.#end(new QmpLost('The QMP peer sent no JSON.', { cause }))
    }
    if ('QMP' in message) {
      this.#greeted?.()
      this.#greeted = undefined
    } else if (typeof message['event'] === 'string') {
      this.#announce({ event: message['event'], data: (message['data'] ?? {}) as Record<string, unknown> })
    } else if (typeof message['id'] === 'number') {
      const waiting = this.#waiting.get(message['id'])
      if (waiting === undefined) return // answered after its deadline
      const error = message['error'] as { class?: string; desc?: string } | undefined
      waiting.settle(error === undefined ? { value: message['return'] }
        : { error: new QmpRefused(waiting.command, error.class ?? 'GenericError', error.desc ?? 'refused') })
    }
  }

  #announce(event: QmpEvent): void {
    for (const wait of [...this.#eventWaits]) if (wait.wants(event)) wait.found(event)
    this.#options.onEvent?.(event)
  }

  #end(reason: QmpLost): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.#socket.destroy()
    this.#greeted?.(reason)
    for (const waiting of this.#waiting.values()) waiting.settle({ error: reason })
    for (const wait of this.#eventWaits) wait.lost(reason)
    if (this.#open) this.#options.onClose?.()
  }
}

/**
 * Connect to a daemon that was just started: try again until its socket answers or the deadline passes.
 *
 * @param how.between called between two tries; throws when there is nothing to wait for any more
 */
export async function connectWhenUp(options: QmpOptions, withinSeconds: number, how: { signal?: AbortSignal; between?: () => Promise<void> } = {}): Promise<QmpClient> {
  const end = options.clock.monotonic() + withinSeconds * 1000
  for (;;) {
    try {
      return await QmpClient.connect(options)
    } catch (error) {
      if (options.clock.monotonic() >= end) throw error
      await how.between?.()
      await options.clock.sleep(20, how.signal)
    }
  }
}
