// What is not as it should be on a backend: rows beside what the backend really has. A pure function.
import type { Difference } from '#core/audit'
import { volumeMachine, type VolumeStatus } from '../../model/volume-states.ts'

export interface AuditedVolume {
  readonly id: string
  readonly status: VolumeStatus
  readonly sizeGiB: number
  /** Its uses that a host is connected by. */
  readonly connected: boolean
  /** An operation works on it, or on one of its uses. */
  readonly atWork: boolean
}

export interface FoundOnBackend {
  readonly volumes: readonly { readonly volumeId: string; readonly sizeGiB: number }[]
  readonly served: readonly string[]
  readonly unfinished: readonly string[]
}

/** Of these the backend may have nothing yet, or nothing any more. */
const mayLackFile: readonly VolumeStatus[] = ['creating', 'downloading', 'deleting', 'error', 'error_deleting']

/** Whether its size is certain: not while it grows, nor after that failed half way. */
const isWhole = (status: VolumeStatus) => volumeMachine.isStable(status) && status !== 'error_extending' && !mayLackFile.includes(status)

export function compareBackend(backend: string, rows: readonly AuditedVolume[], found: FoundOnBackend, atWork: ReadonlySet<string>): Difference[] {
  const differences: Difference[] = []
  const say = (kind: string, resource: string, message: string) => differences.push({ kind, resource, host: backend, message })
  const [byId, files, served] = [new Map(rows.map((row) => [row.id, row])), new Map(found.volumes.map(({ volumeId, sizeGiB }) => [volumeId, sizeGiB])), new Set(found.served)]

  for (const { volumeId, sizeGiB } of found.volumes) {
    if (!byId.has(volumeId) && !atWork.has(volumeId)) say('volume.stray', volumeId, `The backend has a volume ${volumeId} of ${sizeGiB} GiB that cinder does not know.`)
  }
  for (const volumeId of found.unfinished) {
    if (!atWork.has(volumeId)) say('volume.unfinished', volumeId, `A creation of the volume ${volumeId} that is over left a file.`)
  }
  for (const volumeId of found.served) {
    const row = byId.get(volumeId)
    if (!atWork.has(volumeId) && !row?.atWork && !row?.connected) say('export.stray', volumeId, `The volume ${volumeId} is exported and no attachment uses it.`)
  }
  for (const row of rows) {
    if (row.atWork) continue
    const size = files.get(row.id)
    const there = size !== undefined
    if (!there && !mayLackFile.includes(row.status)) say('volume.lost', row.id, `The volume ${row.id} is ${row.status}, and the backend does not have it.`)
    if (there && row.connected && !served.has(row.id)) say('export.missing', row.id, `The volume ${row.id} is attached, and its export is not there.`)
    if (there && size !== row.sizeGiB && isWhole(row.status)) say(size < row.sizeGiB ? 'volume.smaller' : 'volume.larger', row.id, `The volume ${row.id} is ${row.sizeGiB} GiB large, and ${size} GiB on the backend.`)
    if (!volumeMachine.isStable(row.status)) say('volume.unowned', row.id, `The volume ${row.id} is ${row.status}, and no operation works on it.`)
  }
  return differences
}
