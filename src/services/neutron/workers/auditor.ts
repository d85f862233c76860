// Neutron's auditor: its rows beside what the agents find on their hosts. All of the data plane can be made again from rows.
import { type Check, type Difference, type Kind, overdueCheck, programsCheck, startAuditor } from '#core/audit'
import type { RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { rpcClient } from '#core/rpc'
import type { Role } from '#core/service'
import type { ArgsOf } from '#core/spec'
import { dhcpAgentRpc, l2AgentRpc, l3AgentRpc, metadataAgentRpc } from '../contract/agent-rpc.ts'
import { agentRows } from '../db/agents.ts'
import { agentTypes } from '../domain/agents.ts'
import { compareNetworkHost, type ExaminedHost } from '../domain/audit/compare.ts'
import { expectedOn, specifiedOn } from '../domain/audit/expected.ts'
import type { Neutron } from '../domain/neutron.ts'

export function startAuditorRole(neutron: Neutron): Role {
  const { runtime, database, config, clock } = neutron
  return startAuditor(runtime, {
    service: 'neutron', database, settings: config,
    checks: [hostsCheck(neutron), overdueCheck(clock, [database]), programsCheck({ runtime, kind: 'dnsmasq', hosts: () => hostsWith(neutron, agentTypes.dhcp.type) })],
  })
}

async function hostsWith({ database: { read } }: Neutron, agentType: string): Promise<string[]> {
  return (await agentRows(read)).filter((row) => row.agent_type === agentType).map(({ host }) => host)
}

type Named = ArgsOf<(typeof l2AgentRpc)['methods']['putRight']>
const nothing: Named = { fabric: false, portIds: [], networkIds: [], groupIds: [], addressSetIds: [], strayPorts: [], strayNetworks: [], strayGroups: [], strayAddressSets: [] }

function hostsCheck(neutron: Neutron): Check {
  const { runtime: { bus } } = neutron
  const l2 = rpcClient(bus, neutron, l2AgentRpc)
  const dhcp = rpcClient(bus, neutron, dhcpAgentRpc)
  const l3 = rpcClient(bus, neutron, l3AgentRpc)
  const metadata = rpcClient(bus, neutron, metadataAgentRpc)

  /** Something that the L2 agent makes or removes. */
  const wired = (advice: string, done: string, named: (id: string) => Partial<Named>): Kind => ({
    remedy: 'by-itself', advice,
    async repair(ctx, { resource, host = '' }) {
      await l2.on(host).putRight(ctx, { ...nothing, ...named(resource) })
      return done
    },
  })
  const rebuilt = (what: 'networkId' | 'routerId', present: boolean, advice: string, done: string): Kind => ({
    remedy: 'by-itself', advice,
    async repair(ctx, { resource, host = '' }) {
      // Whoever listened in the old namespace listens in the new one.
      const listens = (there: boolean) => unlessAway(metadata.on(host).sync(ctx, { [what]: resource, present: there }))
      await listens(false)
      await (what === 'networkId' ? dhcp.on(host).rebuildNetwork(ctx, { networkId: resource }) : l3.on(host).rebuildRouter(ctx, { routerId: resource }))
      if (present) await listens(true)
      return done
    },
  })

  const toldAgain: Kind = {
    remedy: 'by-itself', advice: 'The DHCP server is told of all ports again.',
    async repair(ctx, { resource, host = '' }) {
      await dhcp.on(host).syncNetwork(ctx, { networkId: resource })
      return 'The DHCP server was told of all ports.'
    },
  }

  async function look(ctx: RequestContext): Promise<{ differences: Difference[]; unseen: string[] }> {
    const [differences, unseen]: [Difference[], string[]] = [[], []]
    for (const host of await hostsWith(neutron, agentTypes.l2.type)) {
      try {
        const found = (await l2.on(host).examine(ctx, await specifiedOn(neutron, host))) as unknown as ExaminedHost
        differences.push(...compareNetworkHost(host, await expectedOn(neutron, host), found))
      } catch (error) {
        if (!(error instanceof AppError) || error.status !== 503) ctx.log.warn({ err: error, host }, 'a host could not say what it has')
        unseen.push(host)
      }
    }
    return { differences, unseen }
  }

  return {
    name: 'hosts', look,
    kinds: {
      'fabric.broken': wired('The fabric and the way to its filters are made again.', 'The fabric was made again.', () => ({ fabric: true })),
      'wire.missing': wired('The port is wired again. A guest that ran with the old device gets the new one with a hard reboot.', 'The port was wired again; a running guest needs a hard reboot.', (id) => ({ portIds: [id] })),
      'wire.loose': wired('The port is wired again.', 'The port was wired again.', (id) => ({ portIds: [id] })),
      'filter.broken': wired('The filter is made again.', 'The filter was made again.', (id) => ({ portIds: [id] })),
      'port.unowned': wired('The port is wired again.', 'The port was wired again.', (id) => ({ portIds: [id] })),
      'wire.stray': wired('The device and the filter are removed.', 'The device and its filter were removed.', (id) => ({ strayPorts: [id] })),
      'network.missing': wired('The segment is made again.', 'The segment was made again.', (id) => ({ networkIds: [id] })),
      'network.broken': wired('The segment is joined again, and gets what it lacks.', 'The segment was made whole.', (id) => ({ networkIds: [id] })),
      'network.stray': wired('The segment is removed.', 'The segment was removed.', (id) => ({ strayNetworks: [id] })),
      'group.broken': wired('The rules are made again.', 'The rules were made again.', (id) => ({ groupIds: [id] })),
      'group.stray': wired('The rules are removed.', 'The rules were removed.', (id) => ({ strayGroups: [id] })),
      'address-set.missing': wired('The addresses are told again.', 'The addresses were told again.', (id) => ({ addressSetIds: [id] })),
      'address-set.broken': wired('The addresses are told again.', 'The addresses were told again.', (id) => ({ addressSetIds: [id] })),
      'address-set.stray': wired('The addresses are removed.', 'The addresses were removed.', (id) => ({ strayAddressSets: [id] })),
      'dhcp.missing': rebuilt('networkId', true, 'The DHCP server is made anew.', 'The DHCP server was made anew.'),
      'dhcp.broken': { ...toldAgain, advice: 'The device, its addresses and its route are set again.' },
      'dhcp.incomplete': toldAgain,
      'dhcp.outdated': toldAgain,
      'dhcp.stray': rebuilt('networkId', false, 'The DHCP server is removed.', 'The DHCP server was removed.'),
      'router.missing': rebuilt('routerId', true, 'The router is made anew.', 'The router was made anew.'),
      'router.broken': {
        remedy: 'by-itself', advice: 'Devices, addresses, routes and rules of the router are set again.',
        async repair(ctx, { resource, host = '' }) {
          await l3.on(host).syncRouter(ctx, { routerId: resource })
          return 'The router was set again.'
        },
      },
      'router.stray': rebuilt('routerId', false, 'The router is removed.', 'The router was removed.'),
      'network.stranger': { remedy: 'none', advice: 'It is not of the cloud\'s making, though it is named or placed so; find out whose it is, and remove it.' },
    },
  }
}

/** A host need not have the agent. */
async function unlessAway(asked: Promise<unknown>): Promise<void> {
  await asked.catch((error: unknown) => {
    if (!(error instanceof AppError) || error.status !== 503) throw error
  })
}
