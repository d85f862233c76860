// Addresses in the one form in which they are kept and shown.
import { isIP } from 'node:net'
import { BadRequest } from '#core/errors'

/** As short as it can be, in lower case (RFC 5952), as upstream shows it. @throws BadRequest naming the field */
export function shortestIpv6(text: string, field: string): string {
  if (isIP(text) !== 6 || text.includes('%')) throw new BadRequest(`Invalid input for field/attribute ${field}. Value: ${text}. '${text}' is not a 'ipv6'`)
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}
