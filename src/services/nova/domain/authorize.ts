// Policy rules that can only be asked once it is known whom or what a request is about.
import type { RequestContext } from '#core/context'
import { Forbidden } from '#core/errors'
import type { Target } from '#core/policy'
import type { Nova } from './nova.ts'

/** @throws Forbidden in the words of the pipeline */
export function requireRule(nova: Pick<Nova, 'policy'>, ctx: RequestContext, rule: string, target: Target): void {
  if (!nova.policy.allows(rule, ctx.identity, target)) throw new Forbidden(`Policy doesn't allow ${rule} to be performed.`)
}
