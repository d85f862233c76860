// One line per event, as JSON, with secrets redacted by field name.
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
  const destination = pino.destination({ dest: options.file ?? 1, sync: true, mkdir: true })
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => conceal(fields) },
      serializers: { err: (error: Error) => conceal(pino.stdSerializers.err(error)) },
    },
    destination,
  )
  const { child } = log
  // Children inherit it.
  log.child = function (this: typeof log, fields: Record<string, unknown>) {
    return child.call(this, conceal(fields))
  } as typeof child
  return log
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
