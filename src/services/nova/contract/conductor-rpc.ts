// What the conductor does for the parts that have no database: hosts, and the scheduler.
import { call, cast, defineRpc, Type, Uuid } from '#core/spec'

/** Values that only parts of nova see; their types are in the model. */
const opaque = Type.Unknown()

export const conductorRpc = defineRpc('nova-conductor', '1.0', {
  /** Operations were begun, or asked to stop, by a part that does not work them off. */
  operationsChanged: cast({ since: '1.0', args: Type.Object({ database: Type.Union([Type.Literal('api'), Type.Literal('cell')]), cancelled: Type.Array(Type.String()) }) }),
  /** A server with all that its host needs. */
  describeServer: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({ serverId: Uuid }), result: opaque }),
  /** A compute host is there. Answers the id under which placement knows it. */
  registerHost: call({
    since: '1.0', timeoutSeconds: 30,
    args: Type.Object({
      host: Type.String(), node: Type.String(), hypervisorType: Type.String(), hypervisorVersion: Type.Integer(), hostIp: Type.String(),
      vcpus: Type.Integer(), memoryMiB: Type.Integer(), diskGiB: Type.Integer(), freeMemoryMiB: Type.Integer(), freeDiskGiB: Type.Integer(),
      runningGuests: Type.Integer(), cpuInfo: opaque,
    }),
    result: Type.Object({ providerId: Type.String() }),
  }),
  /** A service lives; `stopped` when it goes down in order. */
  heartbeat: cast({ since: '1.0', args: Type.Object({ host: Type.String(), binary: Type.String(), topic: Type.String(), stopped: Type.Optional(Type.Boolean()) }) }),
  /** The servers that a host should have, and the operations that are not over. */
  serversOfHost: call({
    since: '1.0', timeoutSeconds: 60, args: Type.Object({ host: Type.String() }),
    result: Type.Object({
      servers: Type.Array(Type.Object({ serverId: Type.String(), vmState: Type.String(), taskState: Type.Union([Type.String(), Type.Null()]), powerState: Type.Integer() })),
      openOperations: Type.Array(Type.String()),
    }),
  }),
  /** Which of these servers exist nowhere any more. */
  goneServers: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({ serverIds: Type.Array(Type.String()) }), result: Type.Object({ gone: Type.Array(Type.String()) }) }),
  /** A guest changed its power by itself, or was found in another state than expected. */
  powerChanged: cast({ since: '1.0', args: Type.Object({ serverId: Type.String(), host: Type.String(), powerState: Type.Integer() }) }),
  /** Neutron says that the addresses of a server changed. */
  refreshPorts: cast({ since: '1.0', args: Type.Object({ serverId: Type.String() }) }),
  /** For the scheduler's view. */
  listHosts: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({}), result: opaque }),
})
