// The list of images: who may see what, filters, order and place in the order, as one statement.
import { type Db, type Expression, sql, type SqlBool } from '#core/db'
import type { ImageQuery, SortColumn } from '../model/image-query.ts'
import type { Image, Visibility } from '../model/images.ts'
import { toImages } from './images.ts'
import type { GlanceTables } from './tables.ts'

/** Nothing sorts before everything, on every engine. */
const sortable = (column: SortColumn) => (column === 'size' ? sql<number>`coalesce(images.size, -1)` : sql<string>`coalesce(${sql.ref(`images.${column}`)}, '')`)
const markerValue = (marker: Image, column: SortColumn): string | number => {
  switch (column) {
    case 'size': return marker.sizeBytes ?? -1
    case 'created_at': return marker.createdAt
    case 'updated_at': return marker.updatedAt
    case 'container_format': return marker.containerFormat ?? ''
    case 'disk_format': return marker.diskFormat ?? ''
    default: return marker[column] ?? ''
  }
}

export async function listImages(db: Db<GlanceTables>, query: ImageQuery): Promise<Image[]> {
  let select = db.selectFrom('images').selectAll('images').where('os_hidden', '=', query.hidden ? 1 : 0).limit(query.limit)
  const seen = visibilityOf(query)
  if (seen) select = select.where(seen)
  for (const [column, values] of query.equal) select = select.where(`images.${column}`, 'in', values as never)
  for (const [comparison, bytes] of query.size) select = select.where('size', comparison, bytes)
  for (const [column, comparison, at] of query.times) select = select.where(column, comparison, at)
  for (const tag of query.tags) select = select.where(sql<SqlBool>`exists (select 1 from image_tags where image_tags.image_id = images.id and image_tags.tag = ${tag})`)
  for (const [name, value] of query.properties) {
    select = select.where(sql<SqlBool>`exists (select 1 from image_properties where image_properties.image_id = images.id and image_properties.name = ${name} and image_properties.value = ${value})`)
  }
  if (query.marker) select = select.where(after(query.marker, query.sort))
  for (const { key, direction } of query.sort) select = select.orderBy(sortable(key), direction)
  return toImages(db, await select.execute())
}

function visibilityOf({ viewer, visibility, memberStatus }: ImageQuery): Expression<SqlBool> | undefined {
  const is = (wanted: Visibility) => sql<SqlBool>`images.visibility = ${wanted}`
  if (!viewer) return visibility === undefined || visibility === 'all' ? undefined : is(visibility)
  const own = sql<SqlBool>`images.owner = ${viewer.projectId}`
  const status = memberStatus === 'all' ? sql`` : sql` and image_members.status = ${memberStatus}`
  const shared = sql<SqlBool>`(images.visibility = 'shared' and exists (select 1 from image_members where image_members.image_id = images.id and image_members.member_id = ${viewer.projectId}${status}))`
  switch (visibility) {
    case 'public': return is('public')
    case 'community': return is('community')
    case 'private': return sql<SqlBool>`(${is('private')} and ${own})`
    case 'shared': return sql<SqlBool>`((${is('shared')} and ${own}) or ${shared})`
    case 'all': return sql<SqlBool>`(${own} or ${is('public')} or ${is('community')} or ${shared})`
    default: return sql<SqlBool>`(${own} or ${is('public')} or ${shared})`
  }
}

/** What comes after the marker in the order of several keys. */
function after(marker: Image, sort: ImageQuery['sort']): Expression<SqlBool> {
  const alternatives = sort.map(({ key, direction }, index) => {
    const equal = sort.slice(0, index).map((before) => sql`${sortable(before.key)} = ${markerValue(marker, before.key)}`)
    const beyond = sql`${sortable(key)} ${sql.raw(direction === 'asc' ? '>' : '<')} ${markerValue(marker, key)}`
    return sql`(${sql.join([...equal, beyond], sql` and `)})`
  })
  return sql<SqlBool>`(${sql.join(alternatives, sql` or `)})`
}
