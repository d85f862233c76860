// How the cloud explains itself to those who wait: operations, and a stream of every change of a state.
export { explainRoutes, type EventView, type Operation, type OperationWithSteps, requestRoutes } from './contract.ts'
export { createFront } from './front.ts'
export { eventRules } from './policy.ts'
export { explain, type ExplainOptions } from './service-api.ts'
export { readSent, type Sent } from './sse.ts'
