// What the auditor reads: images that have bits or wait for them, and uploads under way.
import type { Db } from '#core/db'
import type { GlanceTables, ImageRow } from './tables.ts'

export async function imagesToAudit(db: Db<GlanceTables>): Promise<Pick<ImageRow, 'id' | 'status' | 'size' | 'bits'>[]> {
  return db.selectFrom('images').select(['id', 'status', 'size', 'bits']).where('status', '!=', 'queued').execute()
}

export async function uploadedBits(db: Db<GlanceTables>): Promise<string[]> {
  return (await db.selectFrom('uploads').select('bits').execute()).map((row) => row.bits)
}
