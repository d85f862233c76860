// Where a database lies, and what it is opened with.
import type { Clock } from '../context/clock.ts'
import type { Logger } from '../observe/log.ts'
import type { Change } from './changes.ts'
import type { Migration } from './migrations.ts'

/** NORMAL and OFF survive a kill of the process, FULL also the loss of power, at a tenth of the speed. After that loss OFF may leave a broken file. */
export type Synchronous = 'OFF' | 'NORMAL' | 'FULL'

interface Common {
  /** For messages and logs, and the schema on PostgreSQL: `nova_api`, `cell0`. */
  readonly name: string
  readonly migrations: readonly Migration[]
  /** What is written down in the table `events`. */
  readonly changes?: readonly Change[]
  readonly clock: Clock
  readonly log: Logger
}

export interface SqliteFile {
  /** Made when absent, readable by its owner only. `:memory:` is one database of this call's own. */
  readonly file: string
  readonly synchronous?: Synchronous
}

export interface PostgresServer {
  /** `postgresql://user:password@host:port/database`, the folder of a unix socket as `?host=/folder`. The database must be there, empty or ours. */
  readonly url: string
  /** For writing, and half as many more for reading; opened as they are needed. */
  readonly connections?: number
}

export type SqliteOptions = Common & SqliteFile
export type PostgresOptions = Common & PostgresServer
export type OpenDatabaseOptions = SqliteOptions | PostgresOptions
