// What a cloud is started with.
import type { Capabilities } from '#core/context'
import type { PostgresServer, Synchronous } from '#core/db'
import type { Privileged, ProcessRunner } from '#core/process'
import type { Machine, ServiceName } from '#core/service'
import type { Secrets, Settings } from './settings.ts'

export interface CloudOptions {
  readonly dataDirectory: string
  readonly settings: Settings
  readonly secrets: Secrets
  readonly capabilities: Capabilities
  readonly processes: ProcessRunner
  readonly privileged?: Privileged
  readonly machine?: Machine
  /** Only these services; all when absent. */
  readonly only?: readonly ServiceName[]
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Where the databases lie on a PostgreSQL server, each in a schema of its own; files in the data directory when absent. */
  readonly database?: PostgresServer
  /** Of all files of databases; NORMAL when absent. */
  readonly synchronous?: Synchronous
  /** Check every reply against its schema; for tests. */
  readonly checkReplies?: boolean
  /** Listen on the ports of the settings. */
  readonly sockets?: boolean
  /** The services reach each other through those sockets too, as from other processes; else directly. */
  readonly overNetwork?: boolean
  readonly progress?: (message: string) => void
}
