// Tags of any object, by its id.
import type { Tx } from './networks.ts'

export async function tagsOfObject(db: Tx, id: string): Promise<string[]> {
  return (await db.selectFrom('tags').select('tag').where('resource_id', '=', id).orderBy('tag').execute()).map((row) => row.tag)
}

export async function insertTags(tx: Tx, id: string, tags: readonly string[]): Promise<void> {
  if (tags.length > 0) await tx.insertInto('tags').values(tags.map((tag) => ({ resource_id: id, tag }))).execute()
}

export async function deleteTag(tx: Tx, id: string, tag: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('tags').where('resource_id', '=', id).where('tag', '=', tag).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}
