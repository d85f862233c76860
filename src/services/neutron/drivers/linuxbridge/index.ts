// The network engine on Linux bridges, namespaces, VXLAN, nftables and dnsmasq.
import type { CallContext } from '#core/context'
import { type FabricSpec, type NetworkDriver, shortId } from '../interface.ts'
import { metadataAddress } from './addresses.ts'
import { deadDhcp, ensureDhcp, removeDhcp, removeDhcpFiles } from './dhcp.ts'
import { createEngine, type LinuxBridgeOptions } from './engine.ts'
import { examine } from './examine.ts'
import { ensureFabric, removeFabric } from './fabric.ts'
import { hold } from './hold.ts'
import { removeIdle } from './idle.ts'
import { takeInventory, takeServed } from './inventory.ts'
import { ensureNetwork, removeNetwork } from './networks.ts'
import {
  ensureAddressSet, ensureSecurityGroup, plugPort, removeAddressSet, removeSecurityGroup, unplugPort,
} from './ports.ts'
import { ensureRouter, removeRouter } from './routers.ts'

export type { LinuxBridgeOptions } from './engine.ts'

export interface LinuxBridgeDriver extends NetworkDriver {
  /** Take away what no living guest needs; the agents make it again. */
  removeIdle(call: CallContext): Promise<void>
}

export function create(options: LinuxBridgeOptions): LinuxBridgeDriver {
  const engine = createEngine(options)
  const { inTurn, names, privileged } = engine
  let fabric: FabricSpec = { externalNetworks: [] }
  const driver: LinuxBridgeDriver = {
    can: { vxlan: true, vlan: false, ipv6: false },
    ensureFabric: (_call, spec) => inTurn('fabric', async () => {
      await ensureFabric(engine, spec)
      fabric = spec
    }),
    removeFabric: () => inTurn('fabric', async () => {
      await removeFabric(engine)
      await removeDhcpFiles(engine)
    }),
    ensureNetwork: (_call, spec) => inTurn(`network ${shortId(spec.id)}`, () => ensureNetwork(engine, fabric, spec)),
    removeNetwork: (_call, id) => inTurn(`network ${shortId(id)}`, () => removeNetwork(engine, id)),
    plugPort: (_call, spec) => inTurn(`port ${shortId(spec.id)}`, () => plugPort(engine, spec)),
    unplugPort: (_call, id) => inTurn(`port ${shortId(id)}`, () => unplugPort(engine, id)),
    ensureSecurityGroup: (_call, spec) => inTurn(`group ${spec.id}`, () => ensureSecurityGroup(engine, spec)),
    removeSecurityGroup: (_call, id) => inTurn(`group ${id}`, () => removeSecurityGroup(engine, id)),
    ensureAddressSet: (_call, spec) => inTurn(`set ${spec.id}`, () => ensureAddressSet(engine, spec)),
    removeAddressSet: (_call, id) => inTurn(`set ${id}`, () => removeAddressSet(engine, id)),
    ensureDhcp: (call, spec) => inTurn(`dhcp ${spec.networkId}`, () => ensureDhcp(engine, call, spec)),
    removeDhcp: (call, id) => inTurn(`dhcp ${id}`, () => removeDhcp(engine, call, id)),
    deadDhcp: () => deadDhcp(engine),
    ensureRouter: (_call, spec) => inTurn(`router ${spec.id}`, () => ensureRouter(engine, spec)),
    removeRouter: (_call, id) => inTurn(`router ${id}`, () => removeRouter(engine, id)),
    listenMetadata: (_call, owner) => privileged.listen({
      netns: 'networkId' in owner ? names.dhcpNamespace(owner.networkId) : names.routerNamespace(owner.routerId),
      address: metadataAddress, port: 80,
    }),
    inventory: () => takeInventory(engine),
    examine: (_call, specified) => examine(engine, fabric, specified),
    removeIdle: (call) => removeIdle(engine, driver, call),
    served: () => takeServed(engine),
    hold: (agent) => hold(driver, options.dataDirectory, agent),
    async close() {},
  }
  return driver
}
