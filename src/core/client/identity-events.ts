// What keystone tells every role at once: that verdicts on tokens may have changed.
import { cast, defineRpc, Type } from '#core/spec'

export const identityEvents = defineRpc('identity-events', '1.0', {
  /** A token was revoked, or a user, project, domain, role or assignment changed: verdicts in caches are void. */
  changed: cast({ since: '1.0', args: Type.Object({ reason: Type.String() }) }),
})
