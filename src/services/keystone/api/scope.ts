// What the caller's token says of domains: where new things go, and what a list may show.
import type { Identity } from '#core/context'
import type { Filter } from '../db/lists.ts'
import { ValidationError } from '../model/errors.ts'
import { equal } from './lists.ts'

/** The domain that a body names, or else the token's. @throws ValidationError for a token that has none */
export function domainFor(named: string | null | undefined, identity: Identity): string {
  const domain = named ?? identity.domainId ?? identity.projectDomainId
  if (domain === undefined) throw new ValidationError('A domain must be named: the token is for no domain and no project.')
  return domain
}

/** A token for a domain sees that domain only. */
export function ownDomain({ domainId }: Identity, column = 'domain_id'): Filter[] {
  return domainId === undefined ? [] : [equal(column, domainId)]
}

/** The target of a list: the caller's domain. */
export function domainTarget({ domainId }: Identity): Record<string, unknown> {
  return domainId === undefined ? {} : { target: { domain_id: domainId, domain: { id: domainId }, group: { domain_id: domainId } } }
}
