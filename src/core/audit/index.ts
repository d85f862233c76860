// Auditors: what compares a service's rows with reality.
export type { Check, Difference, Finding, Kind, Looked, Remedy } from './finding.ts'
export { overdueCheck } from './overdue.ts'
export { programsCheck, servePrograms } from './programs.ts'
export { auditOptions, startAuditor } from './role.ts'
export { auditRpc } from './rpc.ts'
export { resourcesAtWork } from './store.ts'
export { auditMigration, type AuditTables } from './tables.ts'
