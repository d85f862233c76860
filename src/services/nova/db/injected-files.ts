// Files that were given with the request for a server.
import type { Db } from '#core/db'
import type { InjectedFile } from '../model/server.ts'
import type { CellTables } from './cell-tables.ts'

export async function insertFiles(tx: Db<CellTables>, serverId: string, files: readonly InjectedFile[]): Promise<void> {
  if (files.length === 0) return
  await tx.insertInto('injected_files').values(files.map(({ path, contents }, position) => ({ instance_uuid: serverId, position, path, contents }))).execute()
}

export async function filesOf(db: Db<CellTables>, serverId: string): Promise<InjectedFile[]> {
  return db.selectFrom('injected_files').select(['path', 'contents']).where('instance_uuid', '=', serverId).orderBy('position').execute()
}

export async function deleteFiles(tx: Db<CellTables>, serverId: string): Promise<void> {
  await tx.deleteFrom('injected_files').where('instance_uuid', '=', serverId).execute()
}
