// A change that is only made if the object is still as its author saw it (If-Match: revision_number=N).
import { BadRequest } from '#core/errors'
import { RevisionMismatch } from '../model/errors.ts'

export interface Change<B> {
  readonly body: B
  readonly ifRevision?: number
}

/** @throws RevisionMismatch when the object has changed since */
export function checkRevision(row: { readonly revision_number: number }, expected: number | undefined): void {
  if (expected !== undefined && row.revision_number !== expected) {
    throw new RevisionMismatch(`Constrained to ${expected}, but current revision is ${row.revision_number}`)
  }
}

/** @throws BadRequest for a header that says something else */
export function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const found = /^revision_number=(\d{1,15})$/.exec(header)
  if (!found) throw new BadRequest('Only If-Match: revision_number=<number> is understood.')
  return Number(found[1])
}
