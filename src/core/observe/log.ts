// One line per event, as JSON, with secrets redacted by field name.
import { mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: Record<string, unknown>): Logger
}

const secretFields = new Set([
  'password', 'adminPass', 'admin_pass', 'original_password', 'secret', 'token', 'auth_token', 'x-auth-token',
  'x-subject-token', 'x-service-token', 'authorization', 'private_key', 'user_data',
])
const searchedDepth = 3

export interface LogOptions {
  level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** A file path; standard output when absent. */
  file?: string
}

/** A logger that writes synchronously, so that the last line before a kill is kept. */
export function openLog(options: LogOptions): Logger {
  if (options.file !== undefined) mkdirSync(dirname(options.file), { recursive: true })
  const fd = options.file === undefined ? 1 : openSync(options.file, 'a')
  const destination = new LineWriter((bytes, from) => writeSync(fd, bytes, from))
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => conceal(fields) },
      serializers: { err: (error: Error) => conceal(pino.stdSerializers.err(error)) },
    },
    destination as pino.DestinationStream,
  )
  const { child } = log
  // Children inherit it.
  log.child = function (this: typeof log, fields: Record<string, unknown>) {
    return child.call(this, conceal(fields))
  } as typeof child
  return log
}

const patienceMilliseconds = 1000
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Writes lines at once. Where they cannot be written, on a full disk for one, the work goes on without them; how many were lost is said as soon as that can be. */
export class LineWriter {
  readonly #writeSome: (bytes: Buffer, from: number) => number
  #lost = 0
  #reason = ''
  /** The last line is there only in part. */
  #broken = false

  /** @param writeSome writes what it can, and says how many bytes that were */
  constructor(writeSome: (bytes: Buffer, from: number) => number) {
    this.#writeSome = writeSome
  }

  write(line: string): void {
    try {
      if (this.#broken || this.#lost > 0) this.#sayWhatIsLost()
      this.#put(Buffer.from(line))
    } catch (error) {
      this.#lost++
      this.#reason = error instanceof Error ? error.message : String(error)
    }
  }

  #sayWhatIsLost(): void {
    const told = { level: 'warn', time: new Date().toISOString(), lines: this.#lost, reason: this.#reason, msg: 'lines of the log could not be written and are lost' }
    this.#put(Buffer.from(`${this.#broken ? '\n' : ''}${JSON.stringify(told)}\n`))
    this.#lost = 0
  }

  #put(bytes: Buffer): void {
    let waited = 0
    for (let written = 0; written < bytes.length;) {
      try {
        written += this.#writeSome(bytes, written)
        this.#broken = written < bytes.length
      } catch (error) {
        // Whoever reads the other end of a pipe may be slow.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= patienceMilliseconds) throw error
        waited += 10
        Atomics.wait(pause, 0, 0, 10)
      }
    }
  }
}

/** The same fields with secrets replaced; a copy only where there is one. */
function conceal<T extends object>(fields: T, depth = 0): T {
  let copy: Record<string, unknown> | undefined
  for (const [key, value] of Object.entries(fields)) {
    let shown: unknown = value
    if (secretFields.has(key)) shown = '***'
    // An error is searched once it is plain fields.
    else if (typeof value === 'object' && value !== null && depth < searchedDepth && !(value instanceof Error)) shown = conceal(value as object, depth + 1)
    if (shown !== value) (copy ??= (Array.isArray(fields) ? [...fields] : { ...fields }) as Record<string, unknown>)[key] = shown
  }
  return (copy as T | undefined) ?? fields
}

export const silentLog: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}
