// What is asked of the auditors over the bus, by the name of their service.
import { call, defineRpc, Type } from '#core/spec'

const Remedy = Type.Union([Type.Literal('by-itself'), Type.Literal('when-asked'), Type.Literal('none')])
const State = Type.Union([Type.Literal('open'), Type.Literal('repaired'), Type.Literal('gone')])

const WireFinding = Type.Object({
  id: Type.String(), check: Type.String(), kind: Type.String(), resource: Type.String(), host: Type.String(), message: Type.String(), advice: Type.String(),
  remedy: Remedy, state: State, firstSeen: Type.String(), lastSeen: Type.String(), endedAt: Type.Union([Type.String(), Type.Null()]), tries: Type.Integer(), done: Type.String(),
})

export const auditRpc = defineRpc('audit', '1.0', {
  /** Look at everything now; what is seen for the first time is looked at again after the grace period. */
  audit: call({ since: '1.0', timeoutSeconds: 300, args: Type.Object({}), result: Type.Object({ failed: Type.Array(Type.String()) }) }),
  /** Open findings, or with `ended` also those that were repaired or went by themselves lately. */
  findings: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({ ended: Type.Boolean() }), result: Type.Object({ findings: Type.Array(WireFinding) }) }),
  /** Look again and put it right. Answers the finding as it is then. */
  repair: call({ since: '1.0', timeoutSeconds: 300, args: Type.Object({ id: Type.String() }), result: WireFinding }),
})
