// What is asked of the volume role, which alone drives the storage. Each call names its operation and the epoch of its
// lease: a lower one than was seen is refused.
import { call, defineRpc, type Static, Type, Uuid } from '#core/spec'

/** `operation` and `epoch` are absent for what no operation drives. */
const lease = { operation: Type.Optional(Type.String()), epoch: Type.Optional(Type.Integer()) }

/** The image that a volume is filled from: what glance said of it when the volume was asked for. */
export const ImageSource = Type.Object({
  imageId: Type.String(),
  /** What its owner says it is. */
  declared: Type.String(),
  /** How it is read. */
  format: Type.Union([Type.Literal('raw'), Type.Literal('qcow2')]),
  sizeBytes: Type.Integer(),
  hashAlgorithm: Type.String(),
  hash: Type.String(),
})
export type ImageSource = Static<typeof ImageSource>

const BackendInventory = Type.Object({
  volumes: Type.Array(Type.Object({ volumeId: Type.String(), sizeGiB: Type.Number(), exported: Type.Boolean() })),
  served: Type.Array(Type.String()),
  unfinished: Type.Array(Type.String()),
})

export const volumeRpc = defineRpc('cinder-volume', '1.2', {
  createVolume: call({
    since: '1.0', timeoutSeconds: 7200, args: Type.Object({ volumeId: Uuid, image: Type.Optional(ImageSource), ...lease }), result: Type.Null(),
  }),
  deleteVolume: call({ since: '1.0', timeoutSeconds: 600, args: Type.Object({ volumeId: Uuid, ...lease }), result: Type.Null() }),
  extendVolume: call({
    since: '1.0', timeoutSeconds: 600, args: Type.Object({ volumeId: Uuid, sizeGiB: Type.Integer(), inUse: Type.Boolean(), ...lease }), result: Type.Null(),
  }),
  /** Make it reachable. @returns the connection info */
  connect: call({
    since: '1.0', timeoutSeconds: 60, args: Type.Object({ volumeId: Uuid, readOnly: Type.Boolean(), ...lease }),
    result: Type.Record(Type.String(), Type.Unknown()),
  }),
  disconnect: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ volumeId: Uuid, ...lease }), result: Type.Null() }),
  /** What the backend really has and serves. */
  inventory: call({ since: '1.1', timeoutSeconds: 60, args: Type.Object({}), result: BackendInventory }),
  /** Serve a volume, or stop serving it, as its attachments say now. @returns whether it is served */
  settleExport: call({ since: '1.1', timeoutSeconds: 60, args: Type.Object({ volumeId: Uuid }), result: Type.Object({ exported: Type.Boolean() }) }),
  /** Grow a volume that is smaller on the backend than its row says. @returns what it has then at least */
  settleSize: call({ since: '1.2', timeoutSeconds: 600, args: Type.Object({ volumeId: Uuid }), result: Type.Object({ sizeGiB: Type.Number() }) }),
  /** Remove what lies on the backend under an id that no row has; a volume with a row is refused. */
  removeStray: call({ since: '1.1', timeoutSeconds: 600, args: Type.Object({ volumeId: Uuid, onlyUnfinished: Type.Boolean() }), result: Type.Null() }),
})
