// Neutron's options: what each means, and what holds when nothing is said.
import { auditOptions } from '#core/audit'
import { defineOptions, option, type Settings } from '#core/config'

export const neutronOptions = defineOptions('neutron', {
  physical_networks: option.map({ default: { public: '' }, help: 'Physical networks that the fabric carries, with the block of addresses that the host routes to each; without one, it is public_cidr.' }),
  public_cidr: option.text({ default: '203.0.113.0/24', help: 'The block of addresses of the external network.' }),
  tenant_network_types: option.list({ default: ['vxlan'], choices: ['vxlan', 'local'], help: 'Types of the networks that projects make, in the order in which they are tried.' }),
  vni_ranges: option.text({ default: '1:65535', help: 'First and last VXLAN network identifier.' }),
  global_physnet_mtu: option.integer({ default: 1500, unit: 'bytes', minimum: 576, maximum: 65_535, help: 'MTU of the network below the tunnels.' }),
  dns_domain: option.text({ default: 'openstacklocal.', help: 'Domain of the names that DHCP gives to ports.' }),
  dns_forwarders: option.list({ default: [], help: 'Resolvers for names beyond a network’s own.' }),
  dhcp_lease_duration: option.integer({ default: 86_400, unit: 'seconds', minimum: 120, help: 'How long a DHCP lease lasts.' }),
  metadata_proxy_shared_secret: option.text({ default: '', secret: true, help: 'What signs the requests to nova’s metadata API.' }),
  nova_metadata_url: option.text({ default: 'http://127.0.0.1:8775', help: 'Where nova’s metadata API is.' }),
  agent_down_time: option.integer({ default: 75, unit: 'seconds', minimum: 1, help: 'How long after its last report an agent counts as down.' }),
  report_interval: option.integer({ default: 30, unit: 'seconds', minimum: 1, help: 'Time between two reports of an agent.' }),
  local_ip: option.text({ default: '', help: 'The address of this host where VXLAN tunnels end; empty on a cloud of one host.' }),
  max_dns_nameservers: option.integer({ default: 5, minimum: 0, help: 'How many name servers a subnet may have.' }),
  max_subnet_host_routes: option.integer({ default: 20, minimum: 0, help: 'How many host routes a subnet may have.' }),
  max_routes: option.integer({ default: 30, minimum: 0, help: 'How many extra routes a router may have.' }),
  quota_network: option.integer({ default: 100, minimum: -1, help: 'Networks that a project may have; -1 is no limit.' }),
  quota_subnet: option.integer({ default: 100, minimum: -1, help: 'Subnets that a project may have.' }),
  quota_port: option.integer({ default: 500, minimum: -1, help: 'Ports that a project may have.' }),
  quota_router: option.integer({ default: 10, minimum: -1, help: 'Routers that a project may have.' }),
  quota_floatingip: option.integer({ default: 50, minimum: -1, help: 'Floating addresses that a project may have.' }),
  quota_security_group: option.integer({ default: 10, minimum: -1, help: 'Security groups that a project may have.' }),
  quota_security_group_rule: option.integer({ default: 100, minimum: -1, help: 'Rules of security groups that a project may have.' }),
  ...auditOptions,
})

export type NeutronSettings = Settings<typeof neutronOptions>

/** What neutron works with, read once. */
export interface NeutronConfig extends NeutronSettings {
  readonly physicalNetworks: readonly { readonly name: string; readonly cidr: string; readonly mtu: number }[]
  readonly tenantNetworkTypes: readonly string[]
  readonly vniRange: readonly [number, number]
  readonly globalPhysnetMtu: number
  readonly maxDnsNameservers: number
  readonly maxSubnetHostRoutes: number
  readonly defaultQuotas: Readonly<Record<string, number>>
}

export function readConfig(settings: NeutronSettings): NeutronConfig {
  const [from = '1', to = '65535'] = settings.vni_ranges.split(':')
  const mtu = settings.global_physnet_mtu
  return {
    ...settings,
    physicalNetworks: Object.entries(settings.physical_networks).map(([name, cidr]) => ({ name, cidr: cidr === '' ? settings.public_cidr : cidr, mtu })),
    tenantNetworkTypes: settings.tenant_network_types, vniRange: [Number(from), Number(to)], globalPhysnetMtu: mtu,
    maxDnsNameservers: settings.max_dns_nameservers, maxSubnetHostRoutes: settings.max_subnet_host_routes,
    defaultQuotas: {
      network: settings.quota_network, subnet: settings.quota_subnet, port: settings.quota_port, router: settings.quota_router,
      floatingip: settings.quota_floatingip, security_group: settings.quota_security_group, security_group_rule: settings.quota_security_group_rule,
    },
  }
}
