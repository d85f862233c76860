// Neutron: networks, subnets, ports, routers and security groups; its API, its plugin, and the agents of a host.
import { explain } from '#core/events'
import { createApi, neutronFaults, serve } from '#core/http'
import { defineService, type Role, type Runtime } from '#core/service'
import { neutronInput } from './api/input.ts'
import { discovery } from './api/discovery.ts'
import { agentHandlers, extensionHandlers, ipAvailabilityHandlers, quotaHandlers, tagHandlers } from './api/management.ts'
import { networkHandlers } from './api/networks.ts'
import { portHandlers } from './api/ports.ts'
import { floatingIpHandlers, routerHandlers } from './api/routers.ts'
import { securityGroupHandlers, securityGroupRuleHandlers } from './api/security-groups.ts'
import { subnetHandlers } from './api/subnets.ts'
import { neutronOptions } from './config.ts'
import {
  agentReports, agentRoutes, extensionRoutes, floatingIpRoutes, ipAvailabilityRoutes, networkRoutes, pluginRpc, portRoutes, quotaRoutes, routerRoutes,
  securityGroupRoutes, securityGroupRuleRoutes, subnetRoutes, tagRoutes,
} from './contract/index.ts'
import { adoptAgent } from './domain/adopt-agent.ts'
import { makeUpFor } from './domain/missed.ts'
import type { Neutron } from './domain/neutron.ts'
import { startDhcpAgent } from './host/dhcp-agent.ts'
import { startL2Agent } from './host/l2-agent.ts'
import { startL3Agent } from './host/l3-agent.ts'
import { startMetadataAgent } from './host/metadata-agent.ts'
import { disallowed } from './model/errors.ts'
import { startNeutron } from './start.ts'
import { startAuditorRole } from './workers/auditor.ts'
import { pluginServer } from './workers/plugin.ts'

/** Keep track of agents by what they report to everybody. */
function listenToAgents(neutron: Neutron, role: string, adopt: boolean): { close(): void } {
  /** Agents of whose last start the database may not know. */
  const unknown = new Set<string>()
  return neutron.runtime.bus.serve(agentReports, `${neutron.runtime.host}/${role}`, {
    async report(_ctx, report) {
      const key = `${report.kind} ${report.host}`
      if (neutron.agents.reported(report)) unknown.add(key)
      if (!adopt || report.stopping) return
      if (unknown.has(key)) await adoptAgent(neutron, report)
      unknown.delete(key)
      await makeUpFor(neutron, report)
    },
  })
}

async function startApi(runtime: Runtime): Promise<Role> {
  const neutron = await startNeutron(runtime, 'server')
  const reports = listenToAgents(neutron, 'server', true)
  const worker = neutron.operations.work(neutron)
  const transport = createApi({
    service: 'network', prefix: '/v2.0', ignoresTrailingSlash: true, framework: 'pecan', faults: neutronFaults, input: neutronInput, policy: neutron.policy, refusal: (rule) => disallowed(`rule:${rule}`), authenticate: runtime.authenticate, discovery,
    capabilities: runtime, authUrl: runtime.authUrl, checkReplies: runtime.checkReplies,
    routes: [
      serve(networkRoutes, networkHandlers(neutron)), serve(subnetRoutes, subnetHandlers(neutron)), serve(portRoutes, portHandlers(neutron)),
      serve(routerRoutes, routerHandlers(neutron)), serve(floatingIpRoutes, floatingIpHandlers(neutron)),
      serve(securityGroupRoutes, securityGroupHandlers(neutron)), serve(securityGroupRuleRoutes, securityGroupRuleHandlers(neutron)),
      serve(extensionRoutes, extensionHandlers(neutron)), serve(agentRoutes, agentHandlers(neutron)), serve(quotaRoutes, quotaHandlers(neutron)),
      serve(ipAvailabilityRoutes, ipAvailabilityHandlers(neutron)), serve(tagRoutes, tagHandlers(neutron)),
    ],
  })
  const explained = explain(transport, runtime, { databases: [neutron.database], creates: neutron.database })
  return {
    transport: explained.transport,
    stop() {
      explained.stop()
      reports.close()
      worker.stop()
    },
  }
}

async function startPlugin(runtime: Runtime): Promise<Role> {
  const neutron = await startNeutron(runtime, 'plugin')
  const reports = listenToAgents(neutron, 'plugin', false)
  const served = runtime.bus.serve(pluginRpc, runtime.host, pluginServer(neutron))
  return {
    stop() {
      served.close()
      reports.close()
    },
  }
}

export const neutron = defineService({
  name: 'neutron',
  options: neutronOptions,
  roles: {
    api: startApi, plugin: startPlugin, 'l2-agent': startL2Agent, 'dhcp-agent': startDhcpAgent, 'l3-agent': startL3Agent, 'metadata-agent': startMetadataAgent,
    auditor: async (runtime) => startAuditorRole(await startNeutron(runtime, 'auditor')),
  },
})
