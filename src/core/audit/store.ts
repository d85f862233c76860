// The SQL of findings.
import type { Db } from '#core/db'
import type { OperationTables } from '#core/operations'
import type { Finding } from './finding.ts'
import type { AuditTables, FindingRow } from './tables.ts'

type Tx = Db<AuditTables>

export const toFinding = (row: FindingRow): Finding => ({
  id: row.id, check: row.check_name, kind: row.kind, resource: row.resource, host: row.host, message: row.message, advice: row.advice, remedy: row.remedy,
  state: row.state, firstSeen: row.first_seen, lastSeen: row.last_seen, endedAt: row.ended_at, tries: row.tries, done: row.done,
})

export async function openFindings(db: Tx): Promise<FindingRow[]> {
  return db.selectFrom('audit_findings').selectAll().where('state', '=', 'open').orderBy('first_seen').orderBy('id').execute()
}

/** Open and ended ones, the newest first. */
export async function allFindings(db: Tx, limit: number): Promise<FindingRow[]> {
  return db.selectFrom('audit_findings').selectAll().orderBy('last_seen', 'desc').orderBy('id').limit(limit).execute()
}

/** A thing that was found before keeps its id; its age begins anew. */
export async function openFinding(tx: Tx, row: FindingRow): Promise<FindingRow> {
  const known = await tx.selectFrom('audit_findings').select(['id', 'tries'])
    .where('kind', '=', row.kind).where('resource', '=', row.resource).where('host', '=', row.host).executeTakeFirst()
  if (!known) {
    await tx.insertInto('audit_findings').values(row).execute()
    return row
  }
  const again = { ...row, ...known }
  await tx.updateTable('audit_findings').set(again).where('id', '=', known.id).execute()
  return again
}

export async function changeFinding(tx: Tx, id: string, change: Partial<FindingRow>): Promise<void> {
  await tx.updateTable('audit_findings').set(change).where('id', '=', id).execute()
}

export async function seenAgain(tx: Tx, ids: readonly string[], at: string): Promise<void> {
  if (ids.length > 0) await tx.updateTable('audit_findings').set({ last_seen: at }).where('id', 'in', ids).execute()
}

export async function endFindings(tx: Tx, ids: readonly string[], at: string): Promise<void> {
  if (ids.length > 0) await tx.updateTable('audit_findings').set({ state: 'gone', ended_at: at }).where('id', 'in', ids).execute()
}

export async function forgetFindings(tx: Tx, before: string): Promise<void> {
  await tx.deleteFrom('audit_findings').where('state', '!=', 'open').where('ended_at', '<', before).execute()
}

export async function hasFindingsBefore(db: Tx, before: string): Promise<boolean> {
  return (await db.selectFrom('audit_findings').select('id').where('state', '!=', 'open').where('ended_at', '<', before).limit(1).executeTakeFirst()) !== undefined
}

/** What living operations work on: an auditor leaves it alone. */
export async function resourcesAtWork(db: Db<OperationTables>): Promise<Set<string>> {
  const rows = await db.selectFrom('operations').select('resource_id').where('finished_at', 'is', null).execute()
  return new Set(rows.map((row) => row.resource_id))
}

export async function overdueOperations(db: Db<OperationTables>, deadlineBefore: string) {
  return db.selectFrom('operations').select(['id', 'kind', 'resource_id', 'status', 'deadline_at', 'fault', 'lease_owner'])
    .where('finished_at', 'is', null).where('deadline_at', '<', deadlineBefore).orderBy('deadline_at').execute()
}
