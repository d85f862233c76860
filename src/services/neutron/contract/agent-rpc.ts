// What the server asks of the agents, and what agents ask of the server. An agent never sees the database.
import { call, cast, defineRpc, Type } from '#core/spec'

const Any = Type.Unsafe<Readonly<Record<string, unknown>>>(Type.Object({}))
const Id = Type.String()
const Ids = Type.Array(Id)
const Done = Type.Object({})
const Kind = Type.Union([Type.Literal('l2'), Type.Literal('dhcp'), Type.Literal('l3'), Type.Literal('metadata')])
const Specs = Type.Optional(Type.Array(Any))
const Addresses = Type.Optional(Type.Array(Type.String()))

/** The plugin: it decides on bindings, tells agents what to do, and answers what they ask. */
export const pluginRpc = defineRpc('neutron-plugin', '1.1', {
  /** Bind the port to its host and say what its agents shall do. */
  bindPort: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({ portId: Id, host: Type.String() }), result: Type.Object({ bound: Type.Boolean() }) }),
  /** Let the agents of its host wire a port; answers once it is up. */
  wirePort: call({ since: '1.0', timeoutSeconds: 120, args: Type.Object({ portId: Id, host: Type.String() }), result: Type.Object({ up: Type.Boolean() }) }),
  unwirePort: call({ since: '1.0', timeoutSeconds: 120, args: Type.Object({ portId: Id, host: Type.String(), networkId: Id }), result: Done }),
  /** `hosts`: those that served its DHCP before. */
  syncNetwork: call({ since: '1.0', timeoutSeconds: 120, args: Type.Object({ networkId: Id, hosts: Type.Optional(Type.Array(Type.String())) }), result: Done }),
  /** `networkIds`: where ports of the router came, went or are on another host. */
  syncRouter: call({ since: '1.0', timeoutSeconds: 120, args: Type.Object({ routerId: Id, hosts: Type.Array(Type.String()), networkIds: Type.Optional(Ids) }), result: Done }),
  syncGroups: call({ since: '1.0', timeoutSeconds: 120, args: Type.Object({ groupIds: Ids, addressSetIds: Ids, addresses: Addresses }), result: Done }),
  /** Let an agent compare its host with the whole of what it should have. */
  syncAgent: call({ since: '1.1', timeoutSeconds: 120, args: Type.Object({ kind: Kind, host: Type.String() }), result: Done }),
  /** An agent saves that a port works, or asks only whether the port is to be on its host. */
  portIsUp: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({ portId: Id, host: Type.String(), wired: Type.Optional(Type.Boolean()) }), result: Type.Object({ known: Type.Boolean() }) }),
  /** An agent saves that a router carries all that it should, its floating addresses too. */
  routerIsUp: call({ since: '1.0', timeoutSeconds: 30, args: Type.Object({ routerId: Id, host: Type.String() }), result: Type.Object({ known: Type.Boolean() }) }),
  /** Everything that an L2 agent's host should have. */
  hostState: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ host: Type.String() }), result: Any }),
  /** A network as a host should have it, nothing when it is gone; and whether something of it is on that host. */
  networkSpec: call({ since: '1.1', timeoutSeconds: 60, args: Type.Object({ networkId: Id, host: Type.String() }), result: Type.Object({ network: Type.Optional(Any), here: Type.Boolean() }) }),
  /** Which of some addresses are in the set of a group now. */
  addressesIn: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ addressSetId: Id, addresses: Type.Array(Type.String()) }), result: Type.Object({ present: Type.Array(Type.String()) }) }),
  /** What DHCP shall tell some ports of a network; those that are gone are left out. */
  dhcpHosts: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ networkId: Id, portIds: Ids }), result: Type.Object({ hosts: Type.Array(Any) }) }),
  groupSpecs: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ groupIds: Ids, addressSetIds: Ids }), result: Any }),
  dhcpState: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ host: Type.String() }), result: Type.Object({ networkIds: Ids }) }),
  dhcpSpec: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ networkId: Id, host: Type.String() }), result: Any }),
  routerState: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ host: Type.String() }), result: Type.Object({ routerIds: Ids }) }),
  routerSpec: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ routerId: Id, host: Type.String() }), result: Any }),
  /** The server behind an address of a network, or of the networks behind a router. */
  metadataPort: call({
    since: '1.0', timeoutSeconds: 20,
    args: Type.Object({ networkId: Type.Optional(Id), routerId: Type.Optional(Id), address: Type.String() }),
    result: Type.Object({ deviceId: Type.Optional(Type.String()), projectId: Type.Optional(Type.String()) }),
  }),
})

/** Compare the host with the whole of what it should have: something that was to be said could not be. */
const resync = call({ since: '1.2', timeoutSeconds: 110, args: Type.Object({}), result: Done })

/** Reports of agents, for everybody who keeps track of them. */
export const agentReports = defineRpc('neutron-agent-reports', '1.0', {
  report: cast({
    since: '1.0',
    args: Type.Object({
      kind: Kind,
      host: Type.String(), startedAt: Type.String(), configurations: Any, load: Type.Integer(), stopping: Type.Boolean(),
    }),
  }),
})

export const l2AgentRpc = defineRpc('neutron-l2-agent', '1.2', {
  wirePort: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ wiring: Any }), result: Type.Object({ up: Type.Boolean() }) }),
  /** A port may be elsewhere, or gone: the agent asks, and takes its wire away then. */
  unwirePort: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ portId: Id }), result: Done }),
  /** Groups or address sets changed: ask for them again, if ports here use them; of the sets only for these addresses, if they are named. */
  groupsChanged: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ groupIds: Ids, addressSetIds: Ids, addresses: Addresses }), result: Done }),
  /** A network is not as it was, or its ports are elsewhere, or it is gone. */
  networkChanged: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ networkId: Id }), result: Done }),
  resync,
  /** What the host really has, beside what is specified: an examination, as the engine's interface has it. */
  examine: call({ since: '1.1', timeoutSeconds: 60, args: Type.Object({ networks: Specs, dhcp: Specs, routers: Specs }), result: Any }),
  /**
   * Make again what should be here, and remove what should not, of what is named; what should be is asked of the server
   * once more. Strays of ports and networks are named by the first part of their ids.
   */
  putRight: call({
    since: '1.1', timeoutSeconds: 120, result: Done,
    args: Type.Object({ fabric: Type.Boolean(), portIds: Ids, networkIds: Ids, groupIds: Ids, addressSetIds: Ids, strayPorts: Ids, strayNetworks: Ids, strayGroups: Ids, strayAddressSets: Ids }),
  }),
})

export const dhcpAgentRpc = defineRpc('neutron-dhcp-agent', '1.2', {
  syncNetwork: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ networkId: Id }), result: Done }),
  /** The same from scratch: its server and its namespace are made anew, or removed where they should not be. */
  rebuildNetwork: call({ since: '1.1', timeoutSeconds: 60, args: Type.Object({ networkId: Id }), result: Done }),
  /** A port came, went or has another address. */
  portChanged: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ networkId: Id, portId: Id }), result: Done }),
  resync,
})

export const l3AgentRpc = defineRpc('neutron-l3-agent', '1.2', {
  syncRouter: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ routerId: Id }), result: Done }),
  /** The same from scratch. */
  rebuildRouter: call({ since: '1.1', timeoutSeconds: 60, args: Type.Object({ routerId: Id }), result: Done }),
  resync,
})

export const metadataAgentRpc = defineRpc('neutron-metadata-agent', '1.0', {
  /** Whether a network's DHCP, or a router, is on this host: then metadata is served there. */
  sync: call({ since: '1.0', timeoutSeconds: 60, args: Type.Object({ networkId: Type.Optional(Id), routerId: Type.Optional(Id), present: Type.Boolean() }), result: Done }),
})
