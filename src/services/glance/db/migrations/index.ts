import { auditMigration } from '#core/audit'
import { operationMigration } from '#core/operations'
import { firstSchema } from './001-images.ts'

export const glanceMigrations = [operationMigration, firstSchema, auditMigration]
