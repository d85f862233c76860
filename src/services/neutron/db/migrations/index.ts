// Forward only, in this order.
import { auditMigration } from '#core/audit'
import { eventMigration, type Migration } from '#core/db'
import { operationMigration } from '#core/operations'
import { firstMigration } from './001-neutron.ts'
import { missedMigration } from './002-missed.ts'
import { alikeRulesMigration } from './003-alike-rules.ts'

export const neutronMigrations: readonly Migration[] = [operationMigration, firstMigration, eventMigration, auditMigration, missedMigration, alikeRulesMigration]
