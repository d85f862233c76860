// Regular expressions that clients send as filters. Only such are taken as cannot keep a machine busy.
import { BadRequest } from '#core/errors'

const tooMuch = /\)\s*[*+{?]|\\[1-9]|\(\?<?[=!]/
const unbounded = /(?<!\\)[*+]|\{\d*,\d*\}/g

/** Matches anywhere in the text, as a database's `regexp`. @throws BadRequest */
export function readPattern(field: string, text: string): RegExp {
  const refuse = (why: string) => new BadRequest(`Invalid input for query parameters ${field}. Value: ${text.slice(0, 80)}. ${why}`)
  if (text.length > 255) throw refuse('The regular expression is too long.')
  if (tooMuch.test(text) || (text.match(unbounded)?.length ?? 0) > 3) throw refuse('The regular expression is too complex.')
  try {
    return new RegExp(text)
  } catch {
    throw refuse(`'${text.slice(0, 80)}' is not a regex`)
  }
}
