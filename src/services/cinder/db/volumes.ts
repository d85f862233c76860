// Volumes in the database: one row, and what hangs on it fetched for a whole page at once.
import { afterMarker, beginsWith, contains, type Db, type Kysely, orderings, sql, transition } from '#core/db'
import type { EventOf } from '#core/state'
import type { Page } from '#core/http'
import type { Attachment } from '../model/attachment.ts'
import type { Volume } from '../model/volume.ts'
import { volumeMachine } from '../model/volume-states.ts'
import { attachmentsOf } from './attachments.ts'
import { metadataOf } from './metadata.ts'
import type { CinderTables, VolumeRow } from './tables.ts'

export const volumeSortColumns = {
  id: { column: 'volumes.id' }, status: { column: 'volumes.status' }, size: { column: 'volumes.size' },
  availability_zone: { column: 'volumes.availability_zone' }, bootable: { column: 'volumes.bootable' },
  name: { column: 'volumes.display_name', whenNull: '' }, display_name: { column: 'volumes.display_name', whenNull: '' },
  host: { column: 'volumes.host', whenNull: '' }, created_at: { column: 'volumes.created_at' },
  updated_at: { column: 'volumes.updated_at', whenNull: '' }, attach_status: { column: 'volumes.attach_status' },
  project_id: { column: 'volumes.project_id' }, user_id: { column: 'volumes.user_id' }, volume_type_id: { column: 'volumes.volume_type_id' },
} as const

/** Another moment's relation to a time: `gt`, `lte` … */
export interface TimeFilter {
  readonly column: 'created_at' | 'updated_at'
  readonly operator: '>' | '>=' | '<' | '<=' | '=' | '!='
  readonly at: string
}

export interface VolumeFilter {
  /** All projects when absent. */
  readonly projectId?: string
  /** Columns that must have a value. */
  readonly equal?: Readonly<Partial<Pick<VolumeRow, 'id' | 'display_name' | 'display_description' | 'status' | 'availability_zone' | 'host' | 'user_id' | 'volume_type_id' | 'bootable' | 'multiattach' | 'size' | 'attach_status'>>>
  /** Columns that must contain a text. */
  readonly like?: Readonly<Partial<Record<'display_name' | 'display_description' | 'status' | 'availability_zone' | 'host', string>>>
  readonly metadata?: Readonly<Record<string, string>>
  readonly imageMetadata?: Readonly<Record<string, string>>
  readonly times?: readonly TimeFilter[]
  /** No volume fits: a filter on something that no volume has. */
  readonly nothing?: boolean
}

type NamedRow = VolumeRow & { type_name: string }

function toVolume(row: NamedRow, attachments: readonly Attachment[], metadata: Volume['metadata'], imageMetadata: Volume['metadata']): Volume {
  return {
    id: row.id, projectId: row.project_id, userId: row.user_id, name: row.display_name, description: row.display_description, sizeGiB: row.size,
    status: row.status, previousStatus: row.previous_status, attachStatus: row.attach_status, availabilityZone: row.availability_zone,
    host: row.host, serviceId: row.service_uuid, bootable: row.bootable === 1, multiattach: row.multiattach === 1,
    readOnly: row.read_only === null ? null : row.read_only === 1, typeId: row.volume_type_id, typeName: row.type_name, traceId: row.trace_id,
    createdAt: new Date(row.created_at), updatedAt: row.updated_at === null ? null : new Date(row.updated_at),
    metadata, imageMetadata, attachments,
  }
}

const withType = (db: Db<CinderTables>) =>
  db.selectFrom('volumes').innerJoin('volume_types', 'volume_types.id', 'volumes.volume_type_id').selectAll('volumes').select('volume_types.name as type_name')

async function complete(db: Db<CinderTables>, rows: readonly NamedRow[]): Promise<Volume[]> {
  const ids = rows.map((row) => row.id)
  const metadata = await metadataOf(db, 'volume_metadata', ids)
  const imageMetadata = await metadataOf(db, 'volume_image_metadata', ids)
  const attachments = new Map<string, Attachment[]>()
  for (const attachment of await attachmentsOf(db, ids)) {
    const known = attachments.get(attachment.volumeId)
    if (known) known.push(attachment)
    else attachments.set(attachment.volumeId, [attachment])
  }
  return rows.map((row) => toVolume(row, attachments.get(row.id) ?? [], metadata.get(row.id) ?? {}, imageMetadata.get(row.id) ?? {}))
}

/** Seen from a project; from all of them when none is given. */
export async function findVolume(db: Db<CinderTables>, id: string, projectId?: string): Promise<Volume | undefined> {
  let query = withType(db).where('volumes.id', '=', id)
  if (projectId !== undefined) query = query.where('volumes.project_id', '=', projectId)
  const row = await query.executeTakeFirst()
  return row && (await complete(db, [row]))[0]
}

/** Without all that hangs on it. */
export async function findVolumeRow(db: Db<CinderTables>, id: string): Promise<VolumeRow | undefined> {
  return db.selectFrom('volumes').selectAll().where('id', '=', id).executeTakeFirst()
}

function filtered(db: Db<CinderTables>, filter: VolumeFilter) {
  let query = db.selectFrom('volumes')
  if (filter.nothing) query = query.where(sql<boolean>`1 = 0`)
  if (filter.projectId !== undefined) query = query.where('volumes.project_id', '=', filter.projectId)
  for (const [column, value] of Object.entries(filter.equal ?? {})) query = query.where(sql.ref(`volumes.${column}`), '=', value)
  for (const [column, text] of Object.entries(filter.like ?? {})) query = query.where(contains(`volumes.${column}`, text))
  for (const { column, operator, at } of filter.times ?? []) query = query.where(`volumes.${column}`, operator, at)
  for (const [table, wanted] of [['volume_metadata', filter.metadata], ['volume_image_metadata', filter.imageMetadata]] as const) {
    for (const [key, value] of Object.entries(wanted ?? {})) {
      query = query.where(({ exists, selectFrom }) => exists(
        selectFrom(table).select('key').whereRef('volume_id', '=', 'volumes.id').where('key', '=', key).where('value', '=', value)))
    }
  }
  return query
}

/** @returns undefined when the marker is no volume of this view */
export async function listVolumes(db: Db<CinderTables>, filter: VolumeFilter, page: Page, offset: number): Promise<Volume[] | undefined> {
  let query = filtered(db, filter).innerJoin('volume_types', 'volume_types.id', 'volumes.volume_type_id').selectAll('volumes').select('volume_types.name as type_name')
  if (page.marker !== undefined) {
    let look = db.selectFrom('volumes').selectAll().where('id', '=', page.marker)
    if (filter.projectId !== undefined) look = look.where('project_id', '=', filter.projectId)
    const marker = await look.executeTakeFirst()
    if (!marker) return undefined
    query = query.where(afterMarker(page.sort, volumeSortColumns, { ...marker }))
  }
  for (const { expression, direction } of orderings(page.sort, volumeSortColumns)) query = query.orderBy(expression, direction)
  return complete(db, await query.limit(page.limit).offset(offset).execute())
}

export async function countVolumes(db: Db<CinderTables>, filter: VolumeFilter): Promise<{ count: number; sizeGiB: number }> {
  const row = await filtered(db, filter)
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.coalesce(fn.sum<number>('volumes.size'), sql<number>`0`).as('size')])
    .executeTakeFirstOrThrow()
  return { count: Number(row.count), sizeGiB: Number(row.size) }
}

/** Every key of the volumes' metadata with all its values. */
export async function distinctMetadata(db: Db<CinderTables>, filter: VolumeFilter): Promise<Record<string, string[]>> {
  const rows = await filtered(db, filter).innerJoin('volume_metadata', 'volume_metadata.volume_id', 'volumes.id')
    .select(['volume_metadata.key', 'volume_metadata.value']).distinct().orderBy('volume_metadata.key').orderBy('volume_metadata.value').execute()
  const all = new Map<string, string[]>()
  for (const { key, value } of rows) all.set(key, [...(all.get(key) ?? []), value])
  return Object.fromEntries(all)
}

export async function insertVolume(tx: Db<CinderTables>, row: VolumeRow): Promise<void> {
  await tx.insertInto('volumes').values(row).execute()
}

export async function updateVolume(tx: Db<CinderTables>, id: string, change: Partial<Omit<VolumeRow, 'id'>>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('volumes').set(change).where('id', '=', id).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/** The volume, its metadata and its attachments. */
export async function deleteVolume(tx: Db<CinderTables>, id: string): Promise<void> {
  await tx.deleteFrom('volumes').where('id', '=', id).execute()
}

/** Let an event happen to a volume. @returns false when its state does not allow it, or it is gone */
export async function moveVolume(tx: Db<CinderTables>, id: string, event: EventOf<typeof volumeMachine>, set: Partial<Omit<VolumeRow, 'id' | 'status'>> & { updated_at: string }): Promise<boolean> {
  return transition(tx as Kysely<Pick<CinderTables, 'volumes'>>, volumeMachine, { table: 'volumes', idColumn: 'id', statusColumn: 'status', id, event, set })
}

export async function typeIsUsed(db: Db<CinderTables>, typeId: string): Promise<boolean> {
  return (await db.selectFrom('volumes').select('id').where('volume_type_id', '=', typeId).limit(1).executeTakeFirst()) !== undefined
}

/** The volumes that lie on a backend. */
export async function volumesOn(db: Db<CinderTables>, backend: string): Promise<Pick<VolumeRow, 'id' | 'status' | 'size'>[]> {
  return db.selectFrom('volumes').select(['id', 'status', 'size'])
    .where(({ eb, or }) => or([eb('host', '=', backend), beginsWith('host', `${backend}#`)])).execute()
}
