// What can go wrong in identity, in the words that upstream's clients know.
import { errorClass, NotFound, Unauthorized } from '#core/errors'

export const Refused = errorClass('Forbidden', 403, 'identity.forbidden')
export const ValidationError = errorClass('ValidationError', 400, 'identity.validation')

/** The one answer to every log-in that fails, so that nobody learns why (CVE-2021-38155). */
export function unauthorized() {
  return new Unauthorized('The request you have made requires authentication.')
}

export function forbidden(rule: string) {
  return new Refused(`You are not authorized to perform the requested action: ${rule}.`)
}

export function notFound(kind: string, id: string) {
  return new NotFound(`Could not find ${kind}: ${id}.`)
}
