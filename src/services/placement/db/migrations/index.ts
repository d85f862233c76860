import { firstSchema } from './001-placement.ts'

export const placementMigrations = [firstSchema]
