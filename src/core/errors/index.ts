// Errors that carry what the API needs: status, a permanent code, a message for the user, details for machines.

export type Details = Readonly<Record<string, unknown>>

export class AppError extends Error {
  readonly status: number
  readonly code: string
  readonly details: Details

  constructor(status: number, code: string, message: string, details: Details = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
    this.code = code
    this.details = details
  }
}

export interface ErrorClass {
  new (message: string, details?: Details, cause?: unknown): AppError
  readonly code: string
}

const classes = new Map<string, ErrorClass>()

/**
 * Declare an error of the domain. The code is permanent: it is what machines and remote callers know the error by.
 * The class name is what Neutron's and Heat's faults show as type.
 */
export function errorClass(name: string, status: number, code: string): ErrorClass {
  if (classes.has(code)) throw new Error(`error code ${code} is declared twice`)
  const declared = class extends AppError {
    static readonly code = code
    constructor(message: string, details?: Details, cause?: unknown) {
      super(status, code, message, details, cause)
      this.name = name
    }
  }
  Object.defineProperty(declared, 'name', { value: name })
  classes.set(code, declared)
  return declared
}

/** An error as it travels over the bus or lies in a journal. */
export interface WireError {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly details: Details
  /** What lay behind it, for operators. */
  readonly causes?: readonly string[]
}

const mostCauses = 10
const longestCause = 2000

/**
 * What lies behind an error, the nearest first, for operators and logs. It may name hosts, paths and programs: never show it
 * to the owner of what failed.
 */
export function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let next = error instanceof AppError ? error.cause : error
  while (next instanceof Error && causes.length < mostCauses) {
    causes.push(`${next.name === 'Error' ? '' : `${next.name}: `}${next.message}`.slice(0, longestCause))
    next = next.cause
  }
  return causes
}

/** The chain again, of plain errors. */
function chain(causes: readonly string[]): Error | undefined {
  return causes.reduceRight<Error | undefined>((cause, text) => new Error(text, cause && { cause }), undefined)
}

export function toWireError(error: unknown): WireError {
  const causes = causesOf(error)
  const behind = causes.length === 0 ? {} : { causes }
  if (isDiskFull(error) && !(error instanceof AppError)) return toWireError(diskFull(error))
  if (error instanceof AppError) return { status: error.status, code: error.code, message: error.message, details: error.details, ...behind }
  return { status: 500, code: 'internal', message: 'An unexpected error occurred.', details: {}, ...behind }
}

/** The same class at the caller, when it knows the code. */
export function fromWireError(wire: WireError): AppError {
  const known = classes.get(wire.code)
  const cause = chain(wire.causes ?? [])
  return known ? new known(wire.message, wire.details, cause) : new AppError(wire.status, wire.code, wire.message, wire.details, cause)
}

export const BadRequest = errorClass('BadRequest', 400, 'bad_request')
export const Unauthorized = errorClass('Unauthorized', 401, 'unauthorized')
export const Forbidden = errorClass('Forbidden', 403, 'forbidden')
export const NotFound = errorClass('NotFound', 404, 'not_found')
export const NotAcceptable = errorClass('NotAcceptable', 406, 'not_acceptable')
export const Conflict = errorClass('Conflict', 409, 'conflict')
export const BodyTooLarge = errorClass('BodyTooLarge', 413, 'body_too_large')
export const UnsupportedMediaType = errorClass('UnsupportedMediaType', 415, 'unsupported_media_type')
export const ServiceUnavailable = errorClass('ServiceUnavailable', 503, 'service_unavailable')
export const DeadlineExceeded = errorClass('DeadlineExceeded', 504, 'deadline_exceeded')
export const Cancelled = errorClass('Cancelled', 409, 'cancelled')

const passing = new Set<string>()

/** The same of an error that passes: nothing is wrong with what was asked, and an operation that meets it waits instead of failing. */
export function passingErrorClass(name: string, status: number, code: string): ErrorClass {
  passing.add(code)
  return errorClass(name, status, code)
}

/** A disk of the cloud has no room. */
export const DiskFull = passingErrorClass('DiskFull', 503, 'disk.full')
/** A service did nothing of what it was asked, and says that it can be asked again in a while. */
export const TryAgainLater = passingErrorClass('TryAgainLater', 503, 'try_again_later')

export function willPass(error: unknown): boolean {
  return error instanceof AppError ? passing.has(error.code) : isDiskFull(error)
}

/** Whether it failed for want of room, in the words of the system, or of a program that was run. */
export function isDiskFull(error: unknown): boolean {
  if (error instanceof AppError) return error instanceof DiskFull
  return error instanceof Error && /\bENOSPC\b|\bEDQUOT\b|no space left on device/i.test(error.message)
}

export function diskFull(cause: unknown): AppError {
  return new DiskFull('A disk of the cloud is full. Try again when there is room.', tryAgain, cause)
}

/** For faults that say when it is worth to ask again. */
export const tryAgain: Details = { headers: { 'Retry-After': '5' } }

/** What a caller learns of any error: an unforeseen one shows nothing of its inside. */
export function describe(error: unknown): string {
  return error instanceof AppError ? error.message : 'An unexpected error occurred.'
}
