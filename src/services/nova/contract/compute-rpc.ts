// What a compute host is told over the bus. Commands with effects carry the operation that speaks and its epoch: a host
// refuses an epoch lower than one that it has seen of the same operation.
import { call, cast, defineRpc, type TSchema, Type, Uuid } from '#core/spec'

const opaque = Type.Unknown()
const operation = Type.Object({ id: Type.String(), epoch: Type.Integer() })

const command = <A extends Record<string, TSchema>>(timeoutSeconds: number, more: A, since = '1.0') =>
  call({ since, timeoutSeconds, args: Type.Object({ serverId: Uuid, operation, ...more }), result: opaque })

export const computeRpc = defineRpc('nova-compute', '1.5', {
  /** Take the build: learn what it is and whether it fits. */
  claimServer: command(60, {}),
  prepareImage: command(1800, {}),
  /** Make the ports that were asked for, or bind those given. Answers them. */
  createPorts: command(120, {}),
  createVolumes: command(120, {}),
  /** Wait until the volumes are there, and connect them to this host. Answers attachments with their connections. */
  connectVolumes: command(1800, {}),
  awaitPorts: command(600, { timeoutSeconds: Type.Integer() }),
  spawn: command(600, {}),
  /** Stop the guest and remove all of it from this host; also when nothing is there. */
  destroy: command(300, {}),
  powerOn: command(300, {}),
  powerOff: command(600, { timeoutSeconds: Type.Integer() }),
  reboot: command(600, { kind: Type.Union([Type.Literal('soft'), Type.Literal('hard')]), timeoutSeconds: Type.Integer() }),
  /** What the guest's power really is, once whatever was told before is over. */
  learnPower: command(60, {}, '1.2'),
  attachVolume: command(300, { blockDeviceId: Type.String() }),
  detachVolume: command(300, { volumeId: Type.String() }),
  /** What could not be unplugged, or was and nobody heard of it, is plugged in as the server's rows say. */
  plugBackVolume: command(300, { volumeId: Type.String() }, '1.3'),
  plugBackInterface: command(120, { portId: Type.String() }, '1.3'),
  /** The guest has the volume, or has not, as the rows say now. Refused while an operation works on the server. */
  settleVolume: command(300, { volumeId: Type.String() }, '1.5'),
  settleInterface: command(120, { portId: Type.String() }, '1.5'),
  /** A volume of the server has this size now: let the guest see it. */
  extendVolume: command(300, { volumeId: Type.String(), sizeGiB: Type.Integer() }, '1.1'),
  attachInterface: command(120, { portId: Type.String() }),
  detachInterface: command(120, { portId: Type.String() }),
  /** A guest's power at this moment. */
  guestPower: call({ since: '1.2', timeoutSeconds: 30, args: Type.Object({ serverId: Uuid }), result: Type.Object({ powerState: Type.Integer() }) }),
  /** What the program `uptime` prints there. */
  uptime: call({ since: '1.4', timeoutSeconds: 5, args: Type.Object({}), result: Type.Object({ uptime: Type.String() }) }),
  /** What a host needs for the connection of a volume. */
  connector: call({ since: '1.0', timeoutSeconds: 10, args: Type.Object({}), result: opaque }),
  consoleOutput: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({ serverId: Uuid, lines: Type.Optional(Type.Integer()) }), result: Type.Object({ output: Type.String() }) }),
  /** An event of another service about a server of this host. */
  externalEvent: cast({ since: '1.0', args: Type.Object({ serverId: Uuid, name: Type.String(), tag: Type.Optional(Type.String()), status: Type.String() }) }),
  /** What this host really has: guests, with what is plugged into those that run and answer, and images that it keeps. */
  inventory: call({
    since: '1.1', timeoutSeconds: 120, args: Type.Object({}),
    result: Type.Object({
      guests: Type.Array(Type.Object({
        serverId: Type.String(), powerState: Type.String(), recorded: Type.Boolean(),
        plugged: Type.Optional(Type.Object({ volumeIds: Type.Array(Type.String()), portIds: Type.Array(Type.String()) })),
      })),
      images: Type.Array(Type.Object({ imageId: Type.String(), used: Type.Boolean() })),
    }),
  }),
  /** Forget cached images, unless a guest stands on them now. */
  dropImages: call({ since: '1.1', timeoutSeconds: 60, args: Type.Object({ imageIds: Type.Array(Uuid) }), result: Type.Object({}) }),
  /** Stop what is being done for an operation, by this epoch and those before: its commands then fail, and the caller undoes them. */
  abandon: cast({ since: '1.0', args: Type.Object({ operationId: Type.String(), epoch: Type.Optional(Type.Integer()) }) }),
  /** An operation is over: its record on the host is not needed any more. */
  operationEnded: cast({ since: '1.0', args: Type.Object({ operationId: Type.String() }) }),
})
