// What the volume role does at the auditor's word: each looks at the rows again, in the volume's turn.
import type { CallContext } from '#core/context'
import { resourcesAtWork } from '#core/audit'
import type { Database } from '#core/db'
import { Conflict } from '#core/errors'
import { attachmentsOf } from '../db/attachments.ts'
import type { CinderTables } from '../db/tables.ts'
import { findVolumeRow } from '../db/volumes.ts'
import type { VolumeDriver } from '../drivers/interface.ts'

interface Backend {
  readonly database: Database<CinderTables>
  readonly driver: VolumeDriver
}

/** @throws Conflict while an operation works on the volume: it knows better */
export async function settleExport({ database, driver }: Backend, call: CallContext, volumeId: string): Promise<{ exported: boolean }> {
  const uses = await attachmentsOf(database.read, [volumeId])
  await refuseAtWork(database, [volumeId, ...uses.map(({ id }) => id)])
  const connected = uses.filter((use) => use.connectionInfo !== null)
  if (connected.length === 0) {
    await driver.unexport(call, volumeId)
    return { exported: false }
  }
  await driver.export(call, volumeId, { readOnly: connected.every(({ mode }) => mode === 'ro') })
  return { exported: true }
}

/** @throws VolumeBusy while it is exported, for a backend that cannot grow it then */
export async function settleSize({ database, driver }: Backend, call: CallContext, volumeId: string): Promise<{ sizeGiB: number }> {
  const [row, uses] = [await findVolumeRow(database.read, volumeId), await attachmentsOf(database.read, [volumeId])]
  if (!row) throw new Conflict(`The volume ${volumeId} is gone.`)
  await refuseAtWork(database, [volumeId, ...uses.map(({ id }) => id)])
  await driver.extend(call, volumeId, row.size)
  return { sizeGiB: row.size }
}

export async function removeStray({ database, driver }: Backend, call: CallContext, volumeId: string, onlyUnfinished: boolean): Promise<void> {
  await refuseAtWork(database, [volumeId])
  if (onlyUnfinished) return driver.discardUnfinished(call, volumeId)
  if (await findVolumeRow(database.read, volumeId)) throw new Conflict(`The volume ${volumeId} has a row: delete it over the API.`)
  await driver.unexport(call, volumeId)
  await driver.remove(call, volumeId)
}

async function refuseAtWork(database: Database<CinderTables>, ids: readonly string[]): Promise<void> {
  const atWork = await resourcesAtWork(database.read)
  if (ids.some((id) => atWork.has(id))) throw new Conflict('An operation works on the volume.')
}
