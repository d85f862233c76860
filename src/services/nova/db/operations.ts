// What nova asks of the operations in its databases beyond what they offer themselves.
import type { Db } from '#core/db'
import type { OperationTables } from '#core/operations'

type Row = OperationTables['operations']

export async function openOperationIds(db: Db<OperationTables>): Promise<string[]> {
  return (await db.selectFrom('operations').select('id').where('finished_at', 'is', null).execute()).map(({ id }) => id)
}

export async function openOperationsOf(db: Db<OperationTables>, serverId: string): Promise<Pick<Row, 'id' | 'kind' | 'status' | 'input' | 'cancel_requested'>[]> {
  return db.selectFrom('operations').select(['id', 'kind', 'status', 'input', 'cancel_requested']).where('resource_id', '=', serverId).where('finished_at', 'is', null).execute()
}

export async function findOperation(db: Db<OperationTables>, id: string): Promise<Pick<Row, 'status' | 'fault' | 'finished_at'> | undefined> {
  return db.selectFrom('operations').select(['status', 'fault', 'finished_at']).where('id', '=', id).executeTakeFirst()
}
