// What is not as it should be in a store: images beside the bits that lie there. A pure function.
import type { Difference } from '#core/audit'
import type { ImageRow } from '../../db/tables.ts'
import { imageMachine } from '../../model/states.ts'
import type { StoredBits } from '../../model/store.ts'

export interface AuditedImages {
  readonly images: readonly Pick<ImageRow, 'id' | 'status' | 'size' | 'bits'>[]
  /** Bits of uploads under way. */
  readonly uploads: readonly string[]
  /** Images, and bits to be removed, that operations work on. */
  readonly atWork: ReadonlySet<string>
}

export function compareStore({ images, uploads, atWork }: AuditedImages, stored: readonly StoredBits[]): Difference[] {
  const differences: Difference[] = []
  const owned = new Set([...uploads, ...atWork, ...images.flatMap(({ bits }) => bits ?? [])])
  const kept = new Map(stored.filter(({ partial }) => !partial).map((each) => [each.bits, each.sizeBytes]))
  for (const { bits, sizeBytes, partial } of stored) {
    if (owned.has(bits)) continue
    if (partial) differences.push({ kind: 'image.unfinished', resource: bits, message: `An upload that is over left ${sizeBytes} bytes.` })
    else differences.push({ kind: 'image.stray', resource: bits, message: `The store has ${sizeBytes} bytes of an image that glance does not know.` })
  }
  for (const { id, status, size, bits } of images) {
    if (atWork.has(id)) continue
    if (!imageMachine.isState(status) || !imageMachine.isStable(status)) {
      differences.push({ kind: 'image.unowned', resource: id, message: `The image ${id} is ${status}, and no operation works on it.` })
    } else if (bits !== null && !kept.has(bits)) {
      differences.push({ kind: 'image.lost', resource: id, message: `The image ${id} is ${status}, and its data are not in the store.` })
    } else if (bits !== null && size !== null && kept.get(bits) !== size) {
      differences.push({ kind: 'image.damaged', resource: id, message: `The image ${id} has ${size} bytes, its file ${kept.get(bits)}.` })
    }
  }
  return differences
}
