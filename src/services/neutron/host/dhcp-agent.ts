// The DHCP agent of a host: for each network that it serves, one DHCP that is always the whole of what it should be.
import type { RequestContext } from '#core/context'
import type { Role, Runtime } from '#core/service'
import { dhcpAgentRpc } from '../contract/agent-rpc.ts'
import type { DhcpSpec, NetworkSpec } from '../drivers/index.ts'
import { agentHost, coalesced, reporting, untilDone } from './agent.ts'

interface Answer {
  readonly network?: NetworkSpec
  readonly dhcp?: DhcpSpec
}

export async function startDhcpAgent(runtime: Runtime): Promise<Role> {
  const host = await agentHost(runtime)
  const { driver, server, ctx: own, call } = host
  const served = new Set<string>()
  /** What was told last: the same again is not done again. */
  const told = new Map<string, string>()
  let stopped = false

  const sync = coalesced(async (networkId: string, ctx: RequestContext) => {
    const answer = (await server.any().dhcpSpec(ctx, { networkId, host: runtime.host })) as Answer
    if (!answer.dhcp || !answer.network) {
      if (served.delete(networkId)) await driver.removeDhcp(call(ctx), networkId)
      told.delete(networkId)
      return
    }
    const text = JSON.stringify(answer)
    if (told.get(networkId) === text) return
    await driver.ensureNetwork(call(ctx), answer.network)
    const { problems } = await driver.ensureDhcp(call(ctx), answer.dhcp)
    for (const problem of problems) runtime.log.warn({ subject: problem.subject, network: networkId }, `left out of DHCP: ${problem.message}`)
    served.add(networkId)
    told.set(networkId, text)
  })

  const listening = runtime.bus.serve(dhcpAgentRpc, runtime.host, {
    async syncNetwork(ctx, { networkId }) {
      await ready
      await sync(networkId, ctx)
      return {}
    },
  })
  const reports = reporting(host, 'dhcp', { dhcp_driver: 'dnsmasq', dhcp_lease_duration: host.config.dhcp_lease_duration }, () => served.size)
  const ready = untilDone(host, 'comparing the DHCP of this host with what it should serve', () => stopped, async () => {
    const { networkIds } = await server.any().dhcpState(own, { host: runtime.host })
    for (const networkId of networkIds) await sync(networkId, own)
    const there = await driver.inventory(call(own))
    for (const { networkId } of there.dhcp) if (!served.has(networkId)) await driver.removeDhcp(call(own), networkId)
  })
  await ready
  await reports.now()
  return {
    async stop() {
      stopped = true
      await reports.stop()
      listening.close()
    },
  }
}
