// Forward only, in this order.
import { auditMigration } from '#core/audit'
import { eventMigration, type Migration } from '#core/db'
import { operationMigration } from '#core/operations'
import { volumesMigration } from './001-volumes.ts'

export const cinderMigrations: readonly Migration[] = [operationMigration, volumesMigration, auditMigration, eventMigration]
