import { firstSchema } from './001-placement.ts'
import { claimKeys } from './002-claim-keys.ts'

export const placementMigrations = [firstSchema, claimKeys]
