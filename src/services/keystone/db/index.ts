// The identity database: its tables and its migrations in order.
import type { Migration } from '#core/db'
import { identity } from './migrations/001-identity.ts'

export type { Tables } from './tables.ts'

export const migrations: readonly Migration[] = [identity]
