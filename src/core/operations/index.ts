export { defineOperation, type Definition, type OperationFault, type OperationRun, pivot, StartAgain, type Step, step } from './definition.ts'
export { once } from './idempotency.ts'
export { createOperations, type Operations, type Working } from './operations.ts'
export { operationMigration, type OperationTables } from './tables.ts'
