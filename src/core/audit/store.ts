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

const atOnce = 500

/** A database takes so many values with one statement, and no more. */
async function inParts(ids: readonly string[], change: (part: readonly string[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < ids.length; from += atOnce) await change(ids.slice(from, from + atOnce))
}

export async function seenAgain(tx: Tx, ids: readonly string[], at: string): Promise<void> {
  await inParts(ids, (part) => tx.updateTable('audit_findings').set({ last_seen: at }).where('id', 'in', part).execute())
}

export async function endFindings(tx: Tx, ids: readonly string[], at: string): Promise<void> {
  await inParts(ids, (part) => tx.updateTable('audit_findings').set({ state: 'gone', ended_at: at }).where('id', 'in', part).execute())
}

/** Ended ones that ended before `before`, or that are more than the newest `most`: some of them, the rest the next time. */
export async function findingsToForget(db: Tx, { before, most }: { before: string; most: number }): Promise<string[]> {
  const ended = db.selectFrom('audit_findings').select('id').where('state', '!=', 'open').limit(forgottenAtOnce)
  const old = await ended.where('ended_at', '<', before).execute()
  const more = await ended.orderBy('ended_at', 'desc').orderBy('id').offset(most).execute()
  return [...new Set([...old, ...more].map(({ id }) => id))]
}

const forgottenAtOnce = 5000

export async function forgetFindings(tx: Tx, ids: readonly string[]): Promise<void> {
  await inParts(ids, (part) => tx.deleteFrom('audit_findings').where('id', 'in', part).execute())
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
