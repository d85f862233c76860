// What the scheduler is asked over the bus.
import { call, cast, defineRpc, Type, Uuid } from '#core/spec'

const Flavor = Type.Object({
  id: Type.String(), name: Type.String(), vcpus: Type.Integer(), memoryMiB: Type.Integer(), rootGiB: Type.Integer(), ephemeralGiB: Type.Integer(),
  swapMiB: Type.Integer(), extraSpecs: Type.Record(Type.String(), Type.String()),
})

export const schedulerRpc = defineRpc('nova-scheduler', '1.2', {
  /** Choose a host and claim there what the flavor needs; the consumer is the server's id. */
  selectDestination: call({
    since: '1.0', timeoutSeconds: 60,
    args: Type.Object({
      serverId: Uuid, projectId: Type.String(), userId: Type.String(), flavor: Flavor,
      imageProperties: Type.Record(Type.String(), Type.String()), localDiskGiB: Type.Integer(),
      zone: Type.Optional(Type.String()), forcedHost: Type.Optional(Type.String()), forcedNode: Type.Optional(Type.String()), pastFilters: Type.Optional(Type.Boolean()),
      ignoredHosts: Type.Array(Type.String()),
      group: Type.Optional(Type.Object({
        policy: Type.Union([Type.Literal('affinity'), Type.Literal('anti-affinity'), Type.Literal('soft-affinity'), Type.Literal('soft-anti-affinity')]),
        maxServerPerHost: Type.Integer(), hosts: Type.Record(Type.String(), Type.Integer()),
      })),
      /** Since 1.1. */
      hints: Type.Optional(Type.Object({
        sameHost: Type.Optional(Type.Array(Type.String())), differentHost: Type.Optional(Type.Array(Type.String())),
        nearIp: Type.Optional(Type.String()), cidr: Type.Optional(Type.String()), query: Type.Optional(Type.String()),
      })),
      neighbours: Type.Optional(Type.Record(Type.String(), Type.String())),
      /** Since 1.2: the key of the claim. Once it was given back, a claim with this key that comes late has no effect. */
      claimKey: Type.Optional(Type.String()),
    }),
    result: Type.Object({
      host: Type.String(), node: Type.String(), providerId: Type.String(), zone: Type.String(),
      considered: Type.Array(Type.Object({ filter: Type.String(), left: Type.Integer() })),
    }),
  }),
  /** Hosts, services or aggregates changed: look again. */
  hostsChanged: cast({ since: '1.0', args: Type.Object({}) }),
})
