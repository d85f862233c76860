// Rows of images with their properties and tags.
import type { Db } from '#core/db'
import type { Image, ImageStatus, Visibility } from '../model/images.ts'
import type { GlanceTables, ImageRow } from './tables.ts'

type Tables = Db<GlanceTables>

export async function findImage(db: Tables, id: string): Promise<Image | undefined> {
  const row = await db.selectFrom('images').selectAll().where('id', '=', id).executeTakeFirst()
  return row && (await toImages(db, [row]))[0]
}

/** The images of rows: two more statements, however many there are. */
export async function toImages(db: Tables, rows: readonly ImageRow[]): Promise<Image[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const properties = Map.groupBy(await db.selectFrom('image_properties').selectAll().where('image_id', 'in', ids).orderBy('name').execute(), (row) => row.image_id)
  const tags = Map.groupBy(await db.selectFrom('image_tags').selectAll().where('image_id', 'in', ids).orderBy('tag').execute(), (row) => row.image_id)
  return rows.map((row) => ({
    id: row.id, name: row.name, status: row.status as ImageStatus, visibility: row.visibility as Visibility, owner: row.owner,
    diskFormat: row.disk_format, containerFormat: row.container_format, minDiskGiB: row.min_disk, minRamMiB: row.min_ram,
    isProtected: row.protected === 1, isHidden: row.os_hidden === 1, sizeBytes: row.size, virtualSizeBytes: row.virtual_size, checksum: row.checksum,
    hashAlgorithm: row.os_hash_algo, hashValue: row.os_hash_value, bits: row.bits, createdAt: row.created_at, updatedAt: row.updated_at,
    properties: new Map((properties.get(row.id) ?? []).map((each) => [each.name, each.value])),
    tags: (tags.get(row.id) ?? []).map((each) => each.tag),
  }))
}

function toRow(image: Image): ImageRow {
  return {
    id: image.id, name: image.name, status: image.status, visibility: image.visibility, owner: image.owner, disk_format: image.diskFormat,
    container_format: image.containerFormat, min_disk: image.minDiskGiB, min_ram: image.minRamMiB, protected: image.isProtected ? 1 : 0,
    os_hidden: image.isHidden ? 1 : 0, size: image.sizeBytes, virtual_size: image.virtualSizeBytes, checksum: image.checksum,
    os_hash_algo: image.hashAlgorithm, os_hash_value: image.hashValue, bits: image.bits, created_at: image.createdAt, updated_at: image.updatedAt,
  }
}

async function insertParts(tx: Tables, image: Image): Promise<void> {
  const properties = [...image.properties].map(([name, value]) => ({ image_id: image.id, name, value }))
  if (properties.length > 0) await tx.insertInto('image_properties').values(properties).execute()
  const tags = image.tags.map((tag) => ({ image_id: image.id, tag }))
  if (tags.length > 0) await tx.insertInto('image_tags').values(tags).execute()
}

export async function insertImage(tx: Tables, image: Image): Promise<void> {
  await tx.insertInto('images').values(toRow(image)).execute()
  await insertParts(tx, image)
}

/** Write what its owner may change; status and what belongs to the data stay as they are in the row. */
export async function updateImage(tx: Tables, before: Image, after: Image): Promise<void> {
  const { id: _id, status: _status, size: _size, virtual_size: _virtual, checksum: _checksum, os_hash_algo: _algorithm, os_hash_value: _value, bits: _bits, created_at: _created, ...rest } = toRow(after)
  await tx.updateTable('images').set(rest).where('id', '=', after.id).execute()
  if (before.properties !== after.properties || before.tags !== after.tags) {
    await tx.deleteFrom('image_properties').where('image_id', '=', after.id).execute()
    await tx.deleteFrom('image_tags').where('image_id', '=', after.id).execute()
    await insertParts(tx, after)
  }
}

export async function deleteImage(tx: Tables, id: string): Promise<void> {
  for (const table of ['image_properties', 'image_tags', 'image_members'] as const) await tx.deleteFrom(table).where('image_id', '=', id).execute()
  await tx.deleteFrom('images').where('id', '=', id).execute()
}

export interface Usage {
  readonly images: number
  readonly uploading: number
  /** Kept, and claimed by uploads under way. */
  readonly bytes: number
}

/** What a project uses, counted from rows. */
export async function usageOf(db: Tables, owner: string | null): Promise<Usage> {
  const kept = await db.selectFrom('images').select((each) => [each.fn.countAll<number>().as('count'), each.fn.sum<number | null>('size').as('bytes')])
    .where('owner', owner === null ? 'is' : '=', owner).executeTakeFirstOrThrow()
  const claimed = await db.selectFrom('uploads').select((each) => [each.fn.countAll<number>().as('count'), each.fn.sum<number | null>('claimed_bytes').as('bytes')])
    .where('owner', owner === null ? 'is' : '=', owner).executeTakeFirstOrThrow()
  return { images: Number(kept.count), uploading: Number(claimed.count), bytes: Number(kept.bytes ?? 0) + Number(claimed.bytes ?? 0) }
}

export async function insertUpload(tx: Tables, upload: GlanceTables['uploads']): Promise<void> {
  await tx.insertInto('uploads').values(upload).execute()
}

export async function deleteUpload(tx: Tables, bits: string): Promise<void> {
  await tx.deleteFrom('uploads').where('bits', '=', bits).execute()
}
