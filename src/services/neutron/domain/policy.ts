// Neutron's policy rules: upstream's names and defaults, some of them for single attributes.
import type { Rule } from '#core/policy'

const admin = 'rule:admin_only'
const service = 'rule:service_api'
const adminOrService = `${admin} or ${service}`
const adminOrAnyService = `${admin} or rule:service_along`
const member = 'role:member and project_id:%(project_id)s'
const reader = 'role:reader and project_id:%(project_id)s'
const manager = 'role:manager and project_id:%(project_id)s'
const adminOrMember = `(${admin}) or (${member})`
const adminOrReader = `(${admin}) or (${reader})`
const netOwnerMember = '(role:member and rule:network_owner)'
const netOwnerReader = '(role:reader and rule:network_owner)'
const netOwnerManager = '(role:manager and rule:network_owner)'
const groupOwnerMember = '(role:member and rule:sg_owner)'
const groupOwnerReader = '(role:reader and rule:sg_owner)'

type Line = readonly [name: string, check: string, description: string]

const base: readonly Line[] = [
  ['context_is_admin', 'role:admin', 'The cloud’s administrator.'],
  ['service_api', 'role:service', 'Another service of the cloud, speaking for itself.'],
  // A call on a user's behalf carries the service's own token beside the user's.
  ['service_along', 'role:service or service_roles:service', 'Another service of the cloud, for itself or for a user.'],
  ['owner', 'project_id:%(project_id)s', 'The owner of the object.'],
  ['admin_or_owner', 'rule:context_is_admin or rule:owner', 'An administrator or the owner.'],
  ['admin_only', 'rule:context_is_admin', 'Administrators only.'],
  ['network_owner', 'project_id:%(network:project_id)s', 'The owner of the network that the object belongs to.'],
  ['sg_owner', 'project_id:%(security_group:project_id)s', 'The owner of the security group that the rule belongs to.'],
  ['regular_user', '', 'Anybody.'],
  ['shared', 'field:networks:shared=True', 'The network is shared.'],
  ['external', 'field:networks:router:external=True', 'The network is external.'],
  ['external_network', 'field:subnets:router:external=True', 'The subnet is on an external network.'],
  ['network_device', 'field:port:device_owner=~^network:', 'The port belongs to a network device.'],
  ['default', 'rule:admin_or_owner', 'What holds where nothing else is said.'],
]

const networks: readonly Line[] = [
  ['create_network', adminOrMember, 'Create a network.'],
  ...['shared', 'router:external', 'is_default', 'provider:network_type', 'provider:physical_network', 'provider:segmentation_id'].flatMap((attribute): Line[] => [
    [`create_network:${attribute}`, admin, `Set ${attribute} of a new network.`],
    [`update_network:${attribute}`, admin, `Change ${attribute} of a network.`],
  ]),
  ['create_network:port_security_enabled', adminOrMember, 'Set port_security_enabled of a new network.'],
  ['get_network', `${adminOrReader} or ${service} or rule:shared or rule:external`, 'See a network.'],
  ...['provider:network_type', 'provider:physical_network', 'provider:segmentation_id'].map((attribute): Line => [`get_network:${attribute}`, admin, `See ${attribute} of a network.`]),
  ['update_network', adminOrMember, 'Change a network.'],
  ['update_network:port_security_enabled', adminOrMember, 'Change port_security_enabled of a network.'],
  ['delete_network', adminOrMember, 'Delete a network.'],
  ['create_subnet', `(${admin}) or ${netOwnerMember}`, 'Create a subnet.'],
  ['get_subnet', `${reader} or rule:shared or rule:external_network or (${admin}) or ${netOwnerReader} or ${service}`, 'See a subnet.'],
  ['update_subnet', `${member} or (${admin}) or ${netOwnerMember}`, 'Change a subnet.'],
  ['delete_subnet', `${member} or (${admin}) or ${netOwnerMember}`, 'Delete a subnet.'],
]

const addresses = `${adminOrService} or ${netOwnerMember}`

const ports: readonly Line[] = [
  // Upstream lets readers too on shared networks, where its rule says no more than `rule:shared`.
  ['create_port', `${adminOrService} or ${netOwnerMember} or (role:member and rule:shared)`, 'Create a port.'],
  ['create_port:device_id', `${adminOrMember} or ${service}`, 'Set device_id of a new port.'],
  ['create_port:device_owner', `not rule:network_device or ${addresses}`, 'Set device_owner of a new port.'],
  ['create_port:mac_address', addresses, 'Choose the MAC address of a new port.'],
  ['create_port:fixed_ips', `${addresses} or rule:shared`, 'Say where the addresses of a new port come from.'],
  ['create_port:fixed_ips:ip_address', addresses, 'Choose an address of a new port.'],
  ['create_port:fixed_ips:subnet_id', `${addresses} or rule:shared`, 'Choose a subnet for a new port.'],
  ['create_port:port_security_enabled', addresses, 'Set port_security_enabled of a new port.'],
  ['create_port:binding:host_id', adminOrAnyService, 'Bind a new port to a host.'],
  ['create_port:binding:profile', 'rule:service_along', 'Set binding:profile of a new port.'],
  ['create_port:binding:vnic_type', `${adminOrMember} or ${service}`, 'Set binding:vnic_type of a new port.'],
  ...['', ':mac_address', ':ip_address'].map((part): Line => [`create_port:allowed_address_pairs${part}`, `(${admin}) or ${netOwnerMember} or ${service}`, 'Allow a new port more addresses.']),
  ['get_port', `${adminOrService} or ${netOwnerReader} or ${reader}`, 'See a port.'],
  ...['binding:vif_type', 'binding:vif_details', 'binding:host_id', 'binding:profile'].map((attribute): Line => [`get_port:${attribute}`, adminOrAnyService, `See ${attribute} of a port.`]),
  ['update_port', `${adminOrService} or ${member}`, 'Change a port.'],
  ['update_port:device_id', `${adminOrMember} or ${service}`, 'Change device_id of a port.'],
  ['update_port:device_owner', `not rule:network_device or ${addresses}`, 'Change device_owner of a port.'],
  ['update_port:mac_address', `${adminOrService} or ${netOwnerManager}`, 'Change the MAC address of a port.'],
  ['update_port:fixed_ips', addresses, 'Change the addresses of a port.'],
  ['update_port:fixed_ips:ip_address', addresses, 'Choose an address of a port.'],
  ['update_port:fixed_ips:subnet_id', `${addresses} or rule:shared`, 'Choose a subnet for a port.'],
  ['update_port:port_security_enabled', addresses, 'Change port_security_enabled of a port.'],
  ['update_port:binding:host_id', adminOrAnyService, 'Bind a port to a host.'],
  ['update_port:binding:profile', 'rule:service_along', 'Change binding:profile of a port.'],
  ['update_port:binding:vnic_type', `${adminOrService} or ${member}`, 'Change binding:vnic_type of a port.'],
  ...['', ':mac_address', ':ip_address'].map((part): Line => [`update_port:allowed_address_pairs${part}`, `(${admin}) or ${netOwnerMember} or ${service}`, 'Allow a port more addresses.']),
  ['delete_port', `${adminOrService} or ${netOwnerMember} or ${member}`, 'Delete a port.'],
]

const routers: readonly Line[] = [
  ['create_router', adminOrMember, 'Create a router.'],
  ['get_router', adminOrReader, 'See a router.'],
  ['update_router', adminOrMember, 'Change a router.'],
  ['delete_router', adminOrMember, 'Delete a router.'],
  ...['create_router', 'update_router'].flatMap((rule): Line[] => [
    [`${rule}:external_gateway_info`, adminOrMember, 'Set the gateway of a router.'],
    [`${rule}:external_gateway_info:network_id`, adminOrMember, 'Choose the external network of a router.'],
    [`${rule}:external_gateway_info:enable_snat`, admin, 'Choose whether a router translates source addresses.'],
    [`${rule}:external_gateway_info:external_fixed_ips`, admin, 'Choose the external addresses of a router.'],
  ]),
  ['add_router_interface', adminOrMember, 'Join a subnet to a router.'],
  ['remove_router_interface', adminOrMember, 'Take a subnet off a router.'],
  ['add_extraroutes', adminOrMember, 'Add routes to a router.'],
  ['remove_extraroutes', adminOrMember, 'Take routes from a router.'],
  ['create_floatingip', adminOrMember, 'Take a floating address.'],
  ['create_floatingip:floating_ip_address', `(${admin}) or (${manager})`, 'Choose a floating address.'],
  ['get_floatingip', adminOrReader, 'See a floating address.'],
  ['update_floatingip', adminOrMember, 'Join a floating address to a port.'],
  ['delete_floatingip', adminOrMember, 'Give a floating address back.'],
]

const others: readonly Line[] = [
  ['create_security_group', adminOrMember, 'Create a security group.'],
  ['get_security_group', `${adminOrReader} or ${service}`, 'See a security group.'],
  ['update_security_group', adminOrMember, 'Change a security group.'],
  ['delete_security_group', adminOrMember, 'Delete a security group.'],
  ['create_security_group_rule', `(${admin}) or ${groupOwnerMember}`, 'Add a rule to a security group.'],
  ['get_security_group_rule', `(${admin}) or ${groupOwnerReader} or ${service}`, 'See a rule of a security group.'],
  ['delete_security_group_rule', `(${admin}) or ${groupOwnerMember}`, 'Take a rule from a security group.'],
  ['get_quota', `(${admin}) or (${manager})`, 'See the quotas of a project.'],
  ['update_quota', admin, 'Set the quotas of a project.'],
  ['delete_quota', admin, 'Let the default quotas apply again.'],
  ['get_agent', admin, 'See agents.'],
  ['update_agent', admin, 'Change an agent.'],
  ['delete_agent', admin, 'Delete an agent.'],
  ['create_dhcp-network', admin, 'Give a network to a DHCP agent.'],
  ['delete_dhcp-network', admin, 'Take a network from a DHCP agent.'],
  ['get_dhcp-networks', admin, 'See the networks that a DHCP agent serves.'],
  ['get_dhcp-agents', admin, 'See the DHCP agents of a network.'],
  ['create_l3-router', admin, 'Give a router to an L3 agent.'],
  ['delete_l3-router', admin, 'Take a router from an L3 agent.'],
  ['get_l3-routers', admin, 'See the routers that an L3 agent carries.'],
  ['get_l3-agents', admin, 'See the L3 agents of a router.'],
  ['get_network_ip_availability', admin, 'See how many addresses networks have left.'],
  ['get_availability_zone', 'rule:regular_user', 'See availability zones.'],
  ['get_service_provider', 'rule:regular_user', 'See service providers.'],
]

const tagged = ['networks', 'subnets', 'ports', 'routers', 'floatingips', 'security_groups'] as const
const tags: readonly Line[] = tagged.flatMap((plural): Line[] => {
  const single = plural.slice(0, -1)
  return [
    [`get_${plural}_tags`, `rule:get_${single}`, `See the tags of a ${single}.`],
    [`update_${plural}_tags`, `rule:update_${single}`, `Change the tags of a ${single}.`],
    [`delete_${plural}_tags`, `rule:update_${single}`, `Take tags from a ${single}.`],
  ]
})

export const policyRules: readonly Rule[] = [...base, ...networks, ...ports, ...routers, ...others, ...tags].map(([name, check, description]) => ({ name, check, description }))
