// A change that is only made if the object is still as its author saw it (If-Match: revision_number=N).
import { badRequest, RevisionMismatch } from '../model/errors.ts'

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

const prefix = 'revision_number='

/** Tags of another kind mean nothing here (neutron/api/api_common.py, check_request_for_revision_constraint). @throws BadRequest for a revision that is no number, or several */
export function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const quoted = [...header.matchAll(/"([^"]*)"/g)].map(([, tag = '']) => tag)
  const [tag, more] = (quoted.length > 0 ? quoted : [header]).filter((each) => each.startsWith(prefix))
  if (tag === undefined) return undefined
  if (more !== undefined) throw badRequest('if-match', 'Multiple revision_number etags are not supported.')
  const text = tag.slice(prefix.length)
  if (!/^[+-]?\d{1,15}$/.test(text)) throw badRequest('if-match', 'Revision number etag must be in the format of revision_number=<int>')
  return Number(text)
}
