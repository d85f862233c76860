// What can go wrong in identity, in the words that upstream's clients know.
import { errorClass, NotFound, Unauthorized } from '#core/errors'

export const Refused = errorClass('Forbidden', 403, 'identity.forbidden')
export const ValidationError = errorClass('ValidationError', 400, 'identity.validation')

/** The one answer to every log-in that fails, so that nobody learns why (CVE-2021-38155). */
export function unauthorized() {
  return new Unauthorized('The request you have made requires authentication.')
}

const malformed = 'The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.'

/** Of a request in which something is not where it belongs. */
export function missing(attribute: string, target: string) {
  return new ValidationError(`Expecting to find ${attribute} in ${target}. ${malformed}`)
}

export function noTimestamp() {
  return new ValidationError(`Timestamp not in expected format. ${malformed}`)
}

/** Upstream keeps to itself why (exception.SecurityError). */
export function notAuthorized() {
  return new Refused('You are not authorized to perform the requested action.')
}

export function forbidden(rule: string) {
  return new Refused(`You are not authorized to perform the requested action: ${rule}.`)
}

/** Of a token that is asked about, or to be exchanged for another, and is not valid (TokenNotFound). */
export function tokenNotFound() {
  return new NotFound('Failed to validate token')
}

export function notFound(kind: string, id: string) {
  return new NotFound(`Could not find ${kind}: ${id}.`)
}
