// The rows of neutron's database. Flags are 0 or 1, lists and maps are JSON text, times are ISO text.
import type { AuditTables } from '#core/audit'
import type { OperationTables } from '#core/operations'

export interface StandardRow {
  id: string
  project_id: string
  description: string
  revision_number: number
  created_at: string
  updated_at: string
}

export interface NetworkRow extends StandardRow {
  name: string
  admin_state_up: number
  status: string
  shared: number
  external: number
  is_default: number
  mtu: number
  port_security_enabled: number
  availability_zone_hints: string
}

/** The segment behind a network. `claim` is what may exist only once: `vxlan:17`, `flat:public`, `local:<network>`. */
export interface SegmentRow {
  id: string
  network_id: string
  network_type: string
  physical_network: string | null
  segmentation_id: number | null
  claim: string
}

export interface SubnetRow extends StandardRow {
  network_id: string
  name: string
  ip_version: number
  cidr: string
  gateway_ip: string | null
  enable_dhcp: number
  allocation_pools: string
  dns_nameservers: string
  host_routes: string
  ipv6_address_mode: string | null
  ipv6_ra_mode: string | null
}

export interface PortRow extends StandardRow {
  network_id: string
  name: string
  admin_state_up: number
  status: string
  mac_address: string
  device_id: string
  device_owner: string
  port_security_enabled: number
  allowed_address_pairs: string
  extra_dhcp_opts: string
  host_id: string
  vnic_type: string
  vif_type: string
  vif_details: string
  profile: string
}

export interface AllocationRow {
  subnet_id: string
  /** The address as text that sorts like its number. */
  address_key: string
  ip_address: string
  port_id: string
  network_id: string
}

export interface BindingLevelRow {
  port_id: string
  host_id: string
  driver: string
  segment_id: string
}

export interface SecurityGroupRow extends StandardRow {
  name: string
  stateful: number
  /** The project whose default group this is; unique. */
  default_of: string | null
}

export interface SecurityGroupRuleRow extends StandardRow {
  security_group_id: string
  direction: string
  ethertype: string
  protocol: string | null
  port_range_min: number | null
  port_range_max: number | null
  remote_ip_prefix: string | null
  remote_group_id: string | null
  /** All that makes a rule, in one text: unique within its group. */
  fingerprint: string
}

export interface RouterRow extends StandardRow {
  name: string
  admin_state_up: number
  status: string
  gateway_port_id: string | null
  gateway_network_id: string | null
  enable_snat: number
  routes: string
  availability_zone_hints: string
  /** The host whose L3 agent carries it; empty while none does. */
  host: string
}

export interface FloatingIpRow extends StandardRow {
  floating_network_id: string
  floating_ip_address: string
  floating_port_id: string
  fixed_port_id: string | null
  fixed_ip_address: string | null
  router_id: string | null
  status: string
}

export interface AgentRow {
  id: string
  agent_type: string
  binary: string
  host: string
  admin_state_up: number
  description: string
  created_at: string
  /** As its last start reported them. */
  configurations: string
  started_at: string
  /** Something could not be said to it; it compares its host with the whole when it reports again. */
  missed: number
}

export interface NeutronTables extends OperationTables, AuditTables {
  networks: NetworkRow
  segments: SegmentRow
  subnets: SubnetRow
  ports: PortRow
  ip_allocations: AllocationRow
  binding_levels: BindingLevelRow
  /** Addresses that ports may use beside their own, once more for those who look for them by group. */
  port_address_pairs: { port_id: string; ip_address: string }
  port_security_groups: { port_id: string; security_group_id: string }
  security_groups: SecurityGroupRow
  security_group_rules: SecurityGroupRuleRow
  routers: RouterRow
  floating_ips: FloatingIpRow
  quotas: { project_id: string; resource: string; amount: number }
  agents: AgentRow
  /** Which host serves DHCP to a network. */
  dhcp_bindings: { network_id: string; host: string }
  tags: { resource_id: string; tag: string }
}
