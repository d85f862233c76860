// Keypairs in the database: a user's, by name.
import { type Db, type Selectable, sql } from '#core/db'
import type { Keypair } from '../model/keypair.ts'
import type { ApiTables, KeyPairRow } from './api-tables.ts'

function toKeypair(row: Selectable<KeyPairRow>): Keypair {
  const { id, name, user_id: userId, type, fingerprint, public_key: publicKey, created_at: createdAt } = row
  return { rowId: id, name, userId, type, fingerprint, publicKey, createdAt }
}

export async function findKeypair(db: Db<ApiTables>, userId: string, name: string): Promise<Keypair | undefined> {
  const row = await db.selectFrom('key_pairs').selectAll().where('user_id', '=', userId).where('name', '=', name).executeTakeFirst()
  return row && toKeypair(row)
}

/** By name, after the marker's. */
export async function listKeypairs(db: Db<ApiTables>, userId: string, page: { readonly limit: number; readonly marker?: string }): Promise<Keypair[]> {
  let query = db.selectFrom('key_pairs').selectAll().where('user_id', '=', userId)
  if (page.marker !== undefined) query = query.where('name', '>', page.marker)
  return (await query.orderBy('name').limit(page.limit).execute()).map(toKeypair)
}

export async function countKeypairs(db: Db<ApiTables>, userId: string): Promise<number> {
  const row = await db.selectFrom('key_pairs').select(sql<number>`count(*)`.as('count')).where('user_id', '=', userId).executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function insertKeypair(tx: Db<ApiTables>, keypair: Omit<Keypair, 'rowId'>): Promise<void> {
  const { name, userId, type, fingerprint, publicKey, createdAt } = keypair
  await tx.insertInto('key_pairs').values({ name, user_id: userId, type, fingerprint, public_key: publicKey, created_at: createdAt }).execute()
}

export async function deleteKeypair(tx: Db<ApiTables>, userId: string, name: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('key_pairs').where('user_id', '=', userId).where('name', '=', name).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}
