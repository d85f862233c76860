// The extensions that are built: clients ask for them by alias before they use what they bring.

export interface Extension {
  readonly alias: string
  readonly name: string
  readonly description: string
  readonly updated: string
}

const lines: readonly (readonly [alias: string, name: string, description: string])[] = [
  ['agent', 'agent', 'The agent management extension.'],
  ['allowed-address-pairs', 'Allowed Address Pairs', 'Ports may use more addresses than their own.'],
  ['availability_zone', 'Availability Zone', 'Availability zones of agents.'],
  ['availability_zone_filter', 'Availability Zone Filter Extension', 'Availability zones are found by name, resource and state.'],
  ['binding', 'Port Binding', 'Ports show where and how they are plugged in.'],
  ['dhcp_agent_scheduler', 'DHCP Agent Scheduler', 'Which DHCP agents serve a network.'],
  ['empty-string-filtering', 'Empty String Filtering Extension', 'An empty filter finds what has nothing there.'],
  ['ext-gw-mode', 'Neutron L3 Configurable external gateway mode', 'Routers choose whether they translate source addresses.'],
  ['external-net', 'Neutron external network', 'Networks that lead outside.'],
  ['extra_dhcp_opt', 'Neutron Extra DHCP options', 'DHCP options of single ports.'],
  ['extraroute', 'Neutron Extra Route', 'Routers have routes of their own.'],
  ['extraroute-atomic', 'Atomically add/remove extra routes', 'Routes are added and removed one by one.'],
  ['filter-validation', 'Filter parameters validation', 'Unknown filters are refused.'],
  ['fip-port-details', 'Floating IP Port Details Extension', 'Floating addresses show the port behind them.'],
  ['ip-substring-filtering', 'IP address substring filtering', 'Ports are found by a part of an address.'],
  ['l3_agent_scheduler', 'L3 Agent Scheduler', 'Which L3 agents carry a router.'],
  ['net-mtu', 'Network MTU', 'Networks show the largest packets that they carry.'],
  ['net-mtu-writable', 'Network MTU (writable)', 'Networks may be given smaller packets.'],
  ['network-ip-availability', 'Network IP Availability', 'How many addresses networks have left.'],
  ['network_availability_zone', 'Network Availability Zone', 'Networks show their availability zones.'],
  ['pagination', 'Pagination support', 'Lists come in pages.'],
  ['port-security', 'Port Security', 'Ports may be left unfiltered.'],
  ['port-security-groups-filtering', 'Port filtering on security groups', 'Ports are found by their security groups.'],
  ['project-id', 'project_id field enabled', 'Owners are named project_id too.'],
  ['provider', 'Provider Network', 'Networks show the segment behind them.'],
  ['quota-check-limit', 'Quota engine limit check', 'Limits below what is used are refused on demand.'],
  ['quota_details', 'Quota details management support', 'What a project uses of its quotas.'],
  ['quotas', 'Quota management support', 'Quotas of projects.'],
  ['revision-if-match', 'If-Match constraints based on revision_number', 'Changes that depend on what the author saw.'],
  ['router', 'Neutron L3 Router', 'Routers and floating addresses.'],
  ['router_availability_zone', 'Router Availability Zone', 'Routers show their availability zones.'],
  ['security-group', 'security-group', 'Security groups and their rules.'],
  ['security-groups-normalized-cidr', 'Normalized CIDR field for security group rules', 'Rules show the block that they mean.'],
  ['service-type', 'Neutron Service Type Management', 'What routers are made by.'],
  ['sorting', 'Sorting support', 'Lists come in the order that is asked for.'],
  ['standard-attr-description', 'standard-attr-description', 'Everything has a description.'],
  ['standard-attr-revisions', 'Resource revision numbers', 'Everything counts its changes.'],
  ['standard-attr-tag', 'Tag support for resources with standard attribute', 'Everything may be tagged.'],
  ['standard-attr-timestamp', 'Resource timestamps', 'Everything shows when it was made and changed.'],
  ['stateful-security-group', 'Stateful security group', 'Security groups may forget connections.'],
]

export const extensions: readonly Extension[] = lines.map(([alias, name, description]) => ({ alias, name, description, updated: '2026-01-01T00:00:00-00:00' }))
