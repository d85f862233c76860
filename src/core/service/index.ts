export * from './runtime.ts'
export type { Stage } from './stage.ts'
