// Signs of life: what roles that work tell those that must know, and how they are asked for it. Nothing of it is stored.
import { cast, defineRpc, type Static, Type } from '#core/spec'

/** What one role says of itself; a volume role adds what its backend can do. */
export const ServiceReport = Type.Object({
  binary: Type.String(),
  /** `host` of a scheduler, `host@backend` of a volume role. */
  host: Type.String(),
  zone: Type.String(),
  /** When it was said. */
  at: Type.String(),
  pools: Type.Array(Type.Object({ name: Type.String(), capabilities: Type.Record(Type.String(), Type.Unknown()) })),
})
export type ServiceReport = Static<typeof ServiceReport>

export const serviceEvents = defineRpc('cinder-service-events', '1.0', {
  report: cast({ since: '1.0', args: ServiceReport }),
})

export const rollCall = defineRpc('cinder-roll-call', '1.0', {
  /** Somebody is new and knows nobody: report now. */
  reportNow: cast({ since: '1.0', args: Type.Object({}) }),
})
