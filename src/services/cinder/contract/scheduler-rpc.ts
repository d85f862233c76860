// What cinder's API asks of its scheduler.
import { call, defineRpc, type Static, Type, Uuid } from '#core/spec'

/** A place on a backend that can hold volumes, with upstream's names for what it can do. */
export const Pool = Type.Object({
  name: Type.String(),
  capabilities: Type.Record(Type.String(), Type.Unknown()),
})
export type Pool = Static<typeof Pool>

export const schedulerRpc = defineRpc('cinder-scheduler', '1.0', {
  /** Choose a backend for a volume that waits, and note it with the volume; asked again, it gives the same answer. */
  placeVolume: call({
    since: '1.0', timeoutSeconds: 30,
    args: Type.Object({ volumeId: Uuid, hints: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
    result: Type.Object({ host: Type.String() }),
  }),
  /** Throws when the volume's own backend cannot hold it any larger. */
  checkGrowth: call({
    since: '1.0', timeoutSeconds: 30, args: Type.Object({ volumeId: Uuid, moreGiB: Type.Integer() }), result: Type.Null(),
  }),
  listPools: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({}), result: Type.Array(Pool) }),
})
