// Lists of servers of one cell: what the database can decide is decided there, a page at a time.
import { afterMarker, type Db, orderings, type SortColumn, type SortedBy } from '#core/db'
import type { CellTables } from './cell-tables.ts'
import type { Instance } from './instances.ts'

export interface InstanceFilter {
  readonly projectId?: string
  readonly userId?: string
  readonly deleted?: boolean
  readonly ids?: readonly string[]
  readonly host?: string
  readonly imageId?: string
  readonly flavorId?: string
  readonly vmStates?: readonly string[]
  readonly taskStates?: readonly (string | null)[]
  readonly locked?: boolean
  readonly changesSince?: string
  readonly changesBefore?: string
  readonly tags?: readonly string[]
  readonly tagsAny?: readonly string[]
  readonly notTags?: readonly string[]
  readonly notTagsAny?: readonly string[]
}

const text = (column: string): SortColumn => ({ column, whenNull: '' })
const number = (column: string): SortColumn => ({ column, whenNull: 0 })

/** Wire names by which servers may be sorted. */
export const sortColumns: Readonly<Record<string, SortColumn>> = {
  access_ip_v4: text('access_ip_v4'), access_ip_v6: text('access_ip_v6'), auto_disk_config: number('auto_disk_config'), availability_zone: text('availability_zone'),
  config_drive: text('config_drive'), created_at: text('created_at'), display_description: text('display_description'), display_name: text('display_name'),
  host: text('host'), hostname: text('hostname'), image_ref: text('image_ref'), instance_type_id: text('flavor_id'), key_name: text('key_name'),
  launch_index: number('launch_index'), launched_at: text('launched_at'), locked: number('locked'), locked_by: number('locked'), node: text('node'),
  power_state: number('power_state'), progress: number('progress'), project_id: text('project_id'), root_device_name: text('root_device_name'),
  task_state: text('task_state'), terminated_at: text('terminated_at'), updated_at: text('updated_at'), user_id: text('user_id'), uuid: text('uuid'), vm_state: text('vm_state'),
}

type Query = ReturnType<typeof start>

function start(db: Db<CellTables>) {
  return db.selectFrom('instances').selectAll()
}

export async function listInstances(db: Db<CellTables>, filter: InstanceFilter, sort: readonly SortedBy[], limit: number, after?: Readonly<Record<string, unknown>>): Promise<Instance[]> {
  let query = narrow(start(db), db, filter)
  if (after) query = query.where(afterMarker(sort, sortColumns, after))
  for (const { expression, direction } of orderings(sort, sortColumns)) query = query.orderBy(expression, direction)
  return query.limit(limit).execute()
}

function narrow(start: Query, db: Db<CellTables>, filter: InstanceFilter): Query {
  let query = start
  if (filter.projectId !== undefined) query = query.where('project_id', '=', filter.projectId)
  if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId)
  if (filter.deleted !== undefined) query = query.where('deleted', '=', filter.deleted ? 1 : 0)
  if (filter.ids) query = query.where('uuid', 'in', [...filter.ids])
  if (filter.host !== undefined) query = query.where('host', '=', filter.host)
  if (filter.imageId !== undefined) query = query.where('image_ref', '=', filter.imageId)
  if (filter.flavorId !== undefined) query = query.where('flavor_id', '=', filter.flavorId)
  if (filter.vmStates) query = query.where('vm_state', 'in', [...filter.vmStates])
  if (filter.taskStates) {
    const named = filter.taskStates.filter((state) => state !== null)
    const orNone = filter.taskStates.includes(null)
    query = query.where(({ eb, or }) => or([...(named.length > 0 ? [eb('task_state', 'in', named)] : []), ...(orNone ? [eb('task_state', 'is', null)] : [])]))
  }
  if (filter.locked !== undefined) query = query.where('locked', filter.locked ? '!=' : '=', 0)
  if (filter.changesSince !== undefined) query = query.where('updated_at', '>=', filter.changesSince)
  if (filter.changesBefore !== undefined) query = query.where('updated_at', '<=', filter.changesBefore)
  return narrowByTags(query, db, filter)
}

function narrowByTags(start: Query, db: Db<CellTables>, { tags, tagsAny, notTags, notTagsAny }: InstanceFilter): Query {
  const withAny = (names: readonly string[]) => db.selectFrom('instance_tags').select('instance_uuid').where('tag', 'in', [...names])
  const withAll = (names: readonly string[]) => withAny(names).groupBy('instance_uuid').having(({ fn }) => fn.countAll(), '=', new Set(names).size)
  let query = start
  if (tags) query = query.where('uuid', 'in', withAll(tags))
  if (tagsAny) query = query.where('uuid', 'in', withAny(tagsAny))
  if (notTags) query = query.where('uuid', 'not in', withAll(notTags))
  if (notTagsAny) query = query.where('uuid', 'not in', withAny(notTagsAny))
  return query
}

