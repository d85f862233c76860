// One line per event, as JSON, with secrets redacted by field name.
import pino from 'pino'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: Record<string, unknown>): Logger
}

const secretFields = [
  'password', 'adminPass', 'admin_pass', 'original_password', 'secret', 'token', 'auth_token', 'x-auth-token',
  'x-subject-token', 'x-service-token', 'authorization', 'private_key', 'user_data',
]

export interface LogOptions {
  level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** A file path; standard output when absent. */
  file?: string
}

/** A logger that writes synchronously, so that the last line before a kill is kept. */
export function openLog(options: LogOptions): Logger {
  const paths = secretFields.flatMap((name) => {
    const key = name.includes('-') ? `["${name}"]` : name
    return [key, `*${name.includes('-') ? key : `.${key}`}`]
  })
  const destination = pino.destination({ dest: options.file ?? 1, sync: true, mkdir: true })
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '***' },
    },
    destination,
  )
}

export const silentLog: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}
