import { auditMigration } from '#core/audit'
import { eventMigration } from '#core/db'
import { operationMigration } from '#core/operations'
import { firstSchema } from './001-images.ts'

export const glanceMigrations = [operationMigration, firstSchema, auditMigration, eventMigration]
