// The messages between the control plane and its privileged helper: one request, one answer, by number.
import type { Privileged } from '../interface.ts'

export type Method = keyof Privileged

export interface HelperOptions {
  /** Every namespace, and every device and table on the host itself, begins with it and a hyphen. */
  readonly prefix: string
  readonly dataDirectory: string
  /** The control plane's user, after it has dropped root. */
  readonly ownUser: { readonly uid: number; readonly gid: number; readonly name: string }
  /** The user that QEMU and its storage daemon run as. Never root. */
  readonly qemuUser: { readonly uid: number; readonly gid: number }
}

export interface Request {
  readonly number: number
  readonly method: Method
  readonly args: readonly unknown[]
}

export interface Failure {
  readonly kind: 'CommandFailed' | 'NotAllowed' | 'Error'
  readonly message: string
  readonly program?: string
  readonly exitCode?: number | undefined
  readonly stderr?: string
  readonly timedOut?: boolean
}

export type Answer =
  | { readonly number: number; readonly result: unknown; readonly error?: undefined }
  | { readonly number: number; readonly error: Failure }

/** The first message of each side: the options, and that they were understood. */
export type Greeting = { readonly options: HelperOptions }
export type Ready = { readonly ready: true }
